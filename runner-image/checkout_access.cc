#include "runner-image/checkout_access.h"

#include <cstddef>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>
#include <variant>

namespace committest::runner {
namespace {

namespace fs = std::filesystem;

// What Kubernetes lets a Secret hold in all.
constexpr std::size_t kMaxSecretBytes = std::size_t{1024} * 1024;

Result<std::string> ReadValue(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  std::ifstream in(path, std::ios::binary);
  if (error || !in || size > kMaxSecretBytes) {
    return Fail(ErrorCode::kInvalidArgument,
                "the Secret's key " + path.filename().string() + " cannot be read");
  }
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

// The kubelet keeps the files of each state in a folder "..<time>", and a link "..data" to it.
Result<git::SecretData> ReadSecret(const fs::path& folder) {
  git::SecretData secret;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string key = it->path().filename().string();
    if (key.starts_with("..")) continue;
    auto value = ReadValue(it->path());
    if (!value) return Fail(std::move(value.error()));
    secret.values.emplace(key, std::move(*value));
  }
  const auto has = [&secret](const char* key) { return secret.values.contains(key); };
  secret.type = "Opaque";
  if (has("username") || has("password")) secret.type = "kubernetes.io/basic-auth";
  if (has("ssh-privatekey")) secret.type = "kubernetes.io/ssh-auth";
  return secret;
}

Result<git::Access> AccessOf(const fs::path& folder, const std::string& name,
                             const git::GitUrl& url) {
  const auto secret = ReadSecret(folder);
  if (!secret) return Fail(secret.error());
  if (secret->values.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "spec.credentialsSecretName: the namespace has no Secret " + name +
                    ", or there is nothing in it");
  }
  const auto credentials = git::ParseCredentials(name, *secret);
  if (!credentials) return Fail(credentials.error());
  if (auto fits = git::CheckFit(name, *credentials, url); !fits) {
    return Fail(std::move(fits.error()));
  }
  if (std::holds_alternative<git::GithubAppCredentials>(credentials->kind)) {
    return Fail(
        ErrorCode::kInvalidArgument,
        "Secret " + name +
            " is of a GitHub App, which the observer can use and test Pods cannot; expected "
            "a read-only deploy key (kubernetes.io/ssh-auth) or token");
  }
  return git::AccessBy(name, *credentials);
}

}  // namespace

Environment CheckoutAccess::Added(Environment environment) const {
  for (const std::string& entry : granted.environment) {
    const auto equals = entry.find('=');
    environment[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  return environment;
}

Result<CheckoutAccess> ReadCheckoutAccess(const fs::path& folder, const std::string& secret_name,
                                          const git::GitUrl& url) {
  CheckoutAccess result;
  if (secret_name.empty() && url.scheme == "ssh") {
    return Fail(
        ErrorCode::kInvalidArgument,
        "the repository is read by ssh, expected spec.credentialsSecretName with a Secret of "
        "type kubernetes.io/ssh-auth");
  }
  if (!secret_name.empty()) {
    auto access = AccessOf(folder, secret_name, url);
    if (!access) return Fail(std::move(access.error()));
    result.access = std::move(*access);
  }
  auto granted = git::GrantAccess({}, url, result.access);
  if (!granted) return Fail(std::move(granted.error()));
  result.granted = std::move(*granted);
  return result;
}

}  // namespace committest::runner
