#pragma once

#include <map>
#include <string>

namespace committest::git {

/// One Secret as it is used here: its type and its decoded values. Never logged, never copied into
/// a message.
struct SecretData {
  std::string type;  ///< Such as "kubernetes.io/basic-auth".
  std::map<std::string, std::string> values;
  std::string resource_version;  ///< Tells one state of the Secret from another.
};

}  // namespace committest::git
