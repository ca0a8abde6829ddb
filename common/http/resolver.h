#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/http/address.h"

namespace committest::http {

/// Turns host names into addresses. Thread-safe.
class Resolver {
 public:
  virtual ~Resolver() = default;

  /// All addresses of `host`, in the order in which to try them; never none.
  /// Errors: kUnavailable there is no such name or no answer about it; kDeadlineExceeded; kCancelled.
  virtual Result<std::vector<IpAddress>> Resolve(const std::string& host, MonotonicTime deadline,
                                                 const std::stop_token& stop) = 0;
};

/// The machine's own: /etc/hosts, DNS and what else nsswitch.conf names. A lookup that a name
/// server leaves open goes on in a thread of its own after the call has returned; there are never
/// more than some dozens of them.
std::unique_ptr<Resolver> MakeSystemResolver();

/// The `reason` of errors about hosts that have no address which the policy allows.
inline constexpr const char* kAddressRefused = "AddressRefused";

/// Finds addresses to connect to: resolves, then judges what came out. Whoever connects must use
/// these very addresses and never the name again, because the next answer about it may differ (DNS
/// rebinding). Thread-safe.
class AddressBook {
 public:
  AddressBook(AddressPolicy policy, std::shared_ptr<Resolver> resolver)
      : policy_(std::move(policy)), resolver_(std::move(resolver)) {}

  /// For `host` whose name a proxy is going to resolve: refuses the addresses that are not allowed
  /// where they stand in the name itself, also written as C libraries read them ("127.1",
  /// "2130706433", "0x7f.0.0.1"), and localhost, which every machine takes for its own. Errors as of
  /// `Find`.
  Status CheckUnresolved(const std::string& host) const;

  /// All addresses of `host`, not judged: for what was not named by a stranger. Errors as of
  /// `Resolver`.
  Result<std::vector<IpAddress>> FindTrusted(const std::string& host, MonotonicTime deadline,
                                             const std::stop_token& stop) const;

  /// The allowed addresses of `host`, a name or an IP address (without brackets); never none.
  /// Errors as of `Resolver`, and kPermissionDenied with the reason `kAddressRefused`.
  Result<std::vector<IpAddress>> Find(const std::string& host, MonotonicTime deadline,
                                      const std::stop_token& stop) const;

 private:
  /// Those of `found` that are allowed; never none.
  Result<std::vector<IpAddress>> Judge(const std::string& host,
                                       const std::vector<IpAddress>& found) const;

  const AddressPolicy policy_;
  const std::shared_ptr<Resolver> resolver_;
};

}  // namespace committest::http
