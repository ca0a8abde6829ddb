#include "common/base/secret_text.h"

#include <openssl/crypto.h>

namespace committest {

SecretText::~SecretText() { OPENSSL_cleanse(value_.data(), value_.size()); }

}  // namespace committest
