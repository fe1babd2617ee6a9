"""Request signing for Alibaba Cloud and Huawei Cloud, written out by hand.

Pure: what is signed, with which credentials, at which moment and under which nonce are all arguments.
Every stage of a signature is a function of its own, under the vendor's name for it, in `signers.alibaba` and
`signers.huawei`.
"""

from signers.alibaba import Acs3Signer, RpcSigner
from signers.huawei import AkSkSigner
from signers.request import Credentials, SignedRequest

__all__ = ["Acs3Signer", "AkSkSigner", "Credentials", "RpcSigner", "SignedRequest"]
