#include "common/http/resolver.h"

#include <algorithm>
#include <arpa/inet.h>
#include <condition_variable>
#include <cstring>
#include <netdb.h>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <utility>

#include "common/base/mutex.h"
#include "common/base/strings.h"
#include "common/http/slots.h"

namespace committest::http {
namespace {

// Far more than the workers that wait; only silent name servers leave lookups behind.
constexpr int kMaxLookups = 64;

using Answer = Result<std::vector<IpAddress>>;

std::optional<IpAddress> AddressOf(const sockaddr* socket_address) {
  IpAddress address;
  if (socket_address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, socket_address, sizeof v4);
    address.is_v4 = true;
    std::memcpy(address.bytes.data(), &v4.sin_addr, sizeof v4.sin_addr);
    return address;
  }
  if (socket_address->sa_family != AF_INET6) return std::nullopt;
  sockaddr_in6 v6{};
  std::memcpy(&v6, socket_address, sizeof v6);
  std::memcpy(address.bytes.data(), &v6.sin6_addr, sizeof v6.sin6_addr);
  return address;
}

Answer LookUp(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int failure = getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (failure != 0) {
    return Fail(ErrorCode::kUnavailable,
                "the name " + host + " cannot be resolved: " + gai_strerror(failure));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, &freeaddrinfo);
  std::vector<IpAddress> addresses;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    const auto address = AddressOf(entry->ai_addr);
    if (address && std::ranges::find(addresses, *address) == addresses.end()) {
      addresses.push_back(*address);
    }
  }
  if (addresses.empty()) {
    return Fail(ErrorCode::kUnavailable, "the name " + host + " has no address");
  }
  return addresses;
}

// One lookup, held by its thread and by the caller as long as he waits.
class Lookup {
 public:
  void Finish(Answer answer) EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    answer_ = std::move(answer);
    wake_.notify_all();
  }

  Answer Wait(MonotonicTime deadline, const std::stop_token& stop) EXCLUDES(mutex_) {
    const std::stop_callback on_stop(stop, [this] {
      const MutexLock lock(mutex_);
      wake_.notify_all();
    });
    MutexLock lock(mutex_);
    while (!answer_) {
      if (stop.stop_requested()) return Fail(ErrorCode::kCancelled, "stopped");
      if (wake_.wait_until(lock, deadline) == std::cv_status::timeout && !answer_) {
        return Fail(ErrorCode::kDeadlineExceeded, "the name server did not answer in time");
      }
    }
    return *answer_;
  }

 private:
  Mutex mutex_;
  std::condition_variable_any wake_;
  std::optional<Answer> answer_ GUARDED_BY(mutex_);
};

// The address that the name itself stands for, whoever resolves it.
std::optional<IpAddress> AddressIn(const std::string& host) {
  if (const auto literal = ParseIpAddress(host)) return literal;
  std::string name = Lower(host);
  if (name.ends_with('.')) name.pop_back();
  if (name == "localhost" || name.ends_with(".localhost")) return ParseIpAddress("127.0.0.1");
  in_addr address{};
  if (inet_aton(name.c_str(), &address) == 0) return std::nullopt;
  IpAddress found{{}, /*is_v4=*/true};
  std::memcpy(found.bytes.data(), &address, sizeof address);
  return found;
}

class SystemResolver final : public Resolver {
 public:
  Answer Resolve(const std::string& host, MonotonicTime deadline,
                 const std::stop_token& stop) override {
    if (auto free = slots_->Acquire(deadline, stop); !free) return Fail(std::move(free.error()));
    const auto lookup = std::make_shared<Lookup>();
    try {
      // The C library cannot be told to give up, so nobody waits for the thread itself.
      std::thread([lookup, host, slots = slots_] {
        lookup->Finish(LookUp(host));
        slots->Release();
      }).detach();
    } catch (const std::system_error& e) {
      slots_->Release();
      return Fail(ErrorCode::kUnavailable, std::string("no thread for a lookup: ") + e.what());
    }
    return lookup->Wait(deadline, stop);
  }

 private:
  const std::shared_ptr<Slots> slots_ = std::make_shared<Slots>(kMaxLookups);
};

}  // namespace

std::unique_ptr<Resolver> MakeSystemResolver() { return std::make_unique<SystemResolver>(); }

Status AddressBook::CheckUnresolved(const std::string& host) const {
  const auto address = AddressIn(host);
  if (!address) return {};
  if (auto judged = Judge(host, {*address}); !judged) return Fail(std::move(judged.error()));
  return {};
}

Result<std::vector<IpAddress>> AddressBook::FindTrusted(const std::string& host,
                                                        MonotonicTime deadline,
                                                        const std::stop_token& stop) const {
  if (const auto literal = ParseIpAddress(host)) return std::vector{*literal};
  return resolver_->Resolve(host, deadline, stop);
}

Result<std::vector<IpAddress>> AddressBook::Find(const std::string& host, MonotonicTime deadline,
                                                 const std::stop_token& stop) const {
  const Answer found = FindTrusted(host, deadline, stop);
  if (!found) return Fail(found.error());
  return Judge(host, *found);
}

Result<std::vector<IpAddress>> AddressBook::Judge(const std::string& host,
                                                  const std::vector<IpAddress>& found) const {
  std::vector<IpAddress> allowed;
  std::ranges::copy_if(found, std::back_inserter(allowed),
                       [&](const IpAddress& address) { return policy_.Allows(address); });
  if (!allowed.empty()) return allowed;
  // The smallest, because servers of names shuffle their answers and the words must stay the same.
  const IpAddress refused = *std::ranges::min_element(found);
  return Fail(ErrorCode::kPermissionDenied,
              host + " has the address " + refused.ToString() + ", a " +
                  std::string(AddressKindName(KindOf(refused))) +
                  " one, which is not allowed to be connected to",
              kAddressRefused);
}

}  // namespace committest::http
