#include "common/git/child_access.h"

#include <string_view>
#include <utility>

#include "common/base/strings.h"

namespace committest::git {

Result<ChildAccess> GrantAccess(const ChildAccessOptions& options, const GitUrl& url,
                                const Access& access) {
  ChildAccess child;
  const auto set = [&child](std::string_view name, std::string_view value) {
    child.environment.push_back(std::string(name).append("=").append(value));
  };
  set("GIT_ALLOW_PROTOCOL", url.scheme);
  if (!access.authorization.IsEmpty()) {
    set("GIT_CONFIG_COUNT", "1");
    set("GIT_CONFIG_KEY_0", "http." + url.Origin() + "/.extraHeader");
    set("GIT_CONFIG_VALUE_0", "Authorization: " + access.authorization.Reveal());
  }
  if (!access.ca_pem.empty()) {
    auto ca = MemoryFile::Make(access.ca_pem);
    if (!ca) return Fail(std::move(ca.error()));
    child.ca = std::move(*ca);
  }
  if (child.ca || !options.ca_file.empty()) {
    set("GIT_SSL_CAINFO", child.ca ? child.ca->Path() : options.ca_file);
  }
  if (!access.proxy_url.IsEmpty()) {
    set(url.scheme + "_proxy", access.proxy_url.Reveal());
    // At once, without being refused first.
    set("GIT_HTTP_PROXY_AUTHMETHOD", "basic");
  }
  if (access.ssh) {
    auto ssh = SshSession::Open(*access.ssh);
    if (!ssh) return Fail(std::move(ssh.error()));
    child.ssh = std::move(*ssh);
    const std::string& address = options.ssh_address.empty() ? url.host : options.ssh_address;
    set("GIT_SSH", options.ssh_wrapper);
    set("GIT_SSH_VARIANT", "ssh");
    set(kSshOptionsVariable, Join(child.ssh->Options(url, address, options.connect_timeout), "\n"));
  }
  return child;
}

}  // namespace committest::git
