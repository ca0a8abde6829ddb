#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace committest::http {

/// An IPv4 or IPv6 address, in network byte order.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};  ///< The first four of an IPv4 address, then zeros.
  bool is_v4 = false;

  std::string ToString() const;
  auto operator<=>(const IpAddress&) const = default;
};

/// "192.0.2.1" or "2001:db8::1", without brackets, zone or port; else nullopt.
std::optional<IpAddress> ParseIpAddress(std::string_view text);

/// A block of addresses ("10.0.0.0/8").
struct AddressRange {
  IpAddress base;
  int bits = 0;  ///< How many leading bits of `base` count.

  bool Contains(const IpAddress& address) const;
  bool operator==(const AddressRange&) const = default;
};

/// Reads an address with an optional "/bits". kInvalidArgument says what was expected.
Result<AddressRange> ParseAddressRange(std::string_view text);

/// What an address is for.
enum class AddressKind {
  kPublic,       ///< Of the Internet.
  kPrivate,      ///< 10/8, 172.16/12, 192.168/16, fec0::/10 (RFC 1918, RFC 3879).
  kCarrier,      ///< 100.64/10 (RFC 6598); some clusters' Pods and Services.
  kUniqueLocal,  ///< fc00::/7 (RFC 4193).
  kLoopback,     ///< 127/8, ::1.
  kLinkLocal,    ///< 169.254/16, fe80::/10 (RFC 3927, RFC 4291).
  kMetadata,     ///< Where clouds hand out a machine's credentials, outside of 169.254/16.
  kUnspecified,  ///< 0/8, ::.
  kMulticast,    ///< 224/4, ff00::/8.
  kReserved,     ///< Documentation, benchmarks, Teredo, everything not assigned.
};
std::string_view AddressKindName(AddressKind kind);

/// Total. An IPv6 address that stands for an IPv4 one (mapped, compatible, NAT64, 6to4) is what
/// that one is: a gateway on the way would turn it into that.
AddressKind KindOf(const IpAddress& address);

/// Which addresses may be connected to (security rule S6). Public ones always.
///
/// | kind                                 | nothing given | allow_private | a range has it |
/// |--------------------------------------|---------------|---------------|----------------|
/// | public                               | yes           | yes           | yes            |
/// | private, carrier, unique-local       | no            | yes           | yes            |
/// | loopback, link-local, metadata, reserved | no        | no            | yes            |
/// | unspecified, multicast               | no            | no            | no             |
struct AddressPolicy {
  bool allow_private = false;
  std::vector<AddressRange> allowed;

  bool Allows(const IpAddress& address) const;
};

/// Reads what an administrator gave: "private", or ranges. kInvalidArgument names the one that is
/// neither.
Result<AddressPolicy> ParseAddressPolicy(const std::vector<std::string>& words);

}  // namespace committest::http
