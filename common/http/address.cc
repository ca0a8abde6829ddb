#include "common/http/address.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <iterator>

namespace committest::http {
namespace {

constexpr int kV4Bits = 32;
constexpr int kV6Bits = 128;

struct Block {
  const char* base;
  int bits;
  AddressKind kind;
};

// IANA's registries of special-purpose addresses (RFC 6890 and its updates). The first match counts.
constexpr std::array kV4Blocks{
    Block{"0.0.0.0", 8, AddressKind::kUnspecified},
    Block{"10.0.0.0", 8, AddressKind::kPrivate},
    Block{"100.100.100.200", 32, AddressKind::kMetadata},
    Block{"100.64.0.0", 10, AddressKind::kCarrier},
    Block{"127.0.0.0", 8, AddressKind::kLoopback},
    Block{"169.254.0.0", 16, AddressKind::kLinkLocal},
    Block{"172.16.0.0", 12, AddressKind::kPrivate},
    Block{"192.0.0.192", 32, AddressKind::kMetadata},
    Block{"192.0.0.0", 24, AddressKind::kReserved},
    Block{"192.0.2.0", 24, AddressKind::kReserved},
    Block{"192.88.99.0", 24, AddressKind::kReserved},
    Block{"192.168.0.0", 16, AddressKind::kPrivate},
    Block{"198.18.0.0", 15, AddressKind::kReserved},
    Block{"198.51.100.0", 24, AddressKind::kReserved},
    Block{"203.0.113.0", 24, AddressKind::kReserved},
    Block{"224.0.0.0", 4, AddressKind::kMulticast},
    Block{"240.0.0.0", 4, AddressKind::kReserved},
};
constexpr std::array kV6Blocks{
    Block{"::", 128, AddressKind::kUnspecified},
    Block{"::1", 128, AddressKind::kLoopback},
    Block{"fd00:ec2::254", 128, AddressKind::kMetadata},
    Block{"fe80::", 10, AddressKind::kLinkLocal},
    Block{"fec0::", 10, AddressKind::kPrivate},
    Block{"fc00::", 7, AddressKind::kUniqueLocal},
    Block{"ff00::", 8, AddressKind::kMulticast},
    Block{"2001::", 23, AddressKind::kReserved},
    Block{"2001:db8::", 32, AddressKind::kReserved},
    Block{"3fff::", 20, AddressKind::kReserved},
    // All that is assigned to the Internet so far.
    Block{"2000::", 3, AddressKind::kPublic},
};

// IPv6 blocks whose addresses hold an IPv4 address from byte `at` on.
struct Embedding {
  const char* base;
  int bits;
  std::size_t at;
};
constexpr std::array kEmbeddings{
    Embedding{"::ffff:0:0", 96, 12},    // Mapped.
    Embedding{"::ffff:0:0:0", 96, 12},  // Translated (RFC 2765).
    Embedding{"::", 96, 12},            // Compatible.
    Embedding{"64:ff9b::", 96, 12},     // NAT64.
    Embedding{"2002::", 16, 2},         // 6to4.
};

AddressRange RangeOf(const char* base, int bits) {
  return {ParseIpAddress(base).value_or(IpAddress{}), bits};
}

std::optional<IpAddress> EmbeddedV4(const IpAddress& address) {
  if (address.is_v4 || RangeOf("::", kV6Bits - 1).Contains(address)) return std::nullopt;
  for (const Embedding& embedding : kEmbeddings) {
    if (!RangeOf(embedding.base, embedding.bits).Contains(address)) continue;
    IpAddress inner;
    inner.is_v4 = true;
    std::copy_n(address.bytes.begin() + static_cast<std::ptrdiff_t>(embedding.at), 4,
                inner.bytes.begin());
    return inner;
  }
  return std::nullopt;
}

template <typename Blocks>
AddressKind KindIn(const Blocks& blocks, const IpAddress& address, AddressKind otherwise) {
  const auto it = std::ranges::find_if(blocks, [&](const Block& block) {
    return RangeOf(block.base, block.bits).Contains(address);
  });
  return it == blocks.end() ? otherwise : it->kind;
}

}  // namespace

std::string IpAddress::ToString() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(is_v4 ? AF_INET : AF_INET6, bytes.data(), text.data(), text.size());
  return text.data();
}

std::optional<IpAddress> ParseIpAddress(std::string_view text) {
  const std::string copy(text);
  IpAddress address;
  address.is_v4 = inet_pton(AF_INET, copy.c_str(), address.bytes.data()) == 1;
  // A zero byte would end the text early.
  if (copy.find('\0') != std::string::npos) return std::nullopt;
  if (address.is_v4 || inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1) return address;
  return std::nullopt;
}

bool AddressRange::Contains(const IpAddress& address) const {
  if (address.is_v4 != base.is_v4) return false;
  const auto whole = static_cast<std::size_t>(bits / 8);
  if (!std::equal(base.bytes.begin(), base.bytes.begin() + static_cast<std::ptrdiff_t>(whole),
                  address.bytes.begin())) {
    return false;
  }
  const int rest = bits % 8;
  if (rest == 0) return true;
  const unsigned mask = 0xFFU << static_cast<unsigned>(8 - rest) & 0xFFU;
  return (base.bytes.at(whole) & mask) == (address.bytes.at(whole) & mask);
}

Result<AddressRange> ParseAddressRange(std::string_view text) {
  const auto slash = text.find('/');
  const auto base = ParseIpAddress(text.substr(0, slash));
  const int most = base && base->is_v4 ? kV4Bits : kV6Bits;
  int bits = most;
  bool valid = base.has_value();
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    valid = valid && error == std::errc{} && end == digits.data() + digits.size() && bits >= 0 &&
            bits <= most;
  }
  if (!valid) {
    return Fail(ErrorCode::kInvalidArgument,
                "'" + std::string(text) + "' is no block of addresses such as 10.0.0.0/8");
  }
  return AddressRange{*base, bits};
}

std::string_view AddressKindName(AddressKind kind) {
  switch (kind) {
    case AddressKind::kPublic:
      return "public";
    case AddressKind::kPrivate:
      return "private";
    case AddressKind::kCarrier:
      return "carrier-grade NAT";
    case AddressKind::kUniqueLocal:
      return "unique-local";
    case AddressKind::kLoopback:
      return "loopback";
    case AddressKind::kLinkLocal:
      return "link-local";
    case AddressKind::kMetadata:
      return "cloud metadata";
    case AddressKind::kUnspecified:
      return "unspecified";
    case AddressKind::kMulticast:
      return "multicast";
    case AddressKind::kReserved:
      return "reserved";
  }
  return "unknown";
}

AddressKind KindOf(const IpAddress& address) {
  if (const auto inner = EmbeddedV4(address)) return KindOf(*inner);
  return address.is_v4 ? KindIn(kV4Blocks, address, AddressKind::kPublic)
                       : KindIn(kV6Blocks, address, AddressKind::kReserved);
}

bool AddressPolicy::Allows(const IpAddress& address) const {
  const AddressKind kind = KindOf(address);
  if (kind == AddressKind::kPublic) return true;
  if (kind == AddressKind::kUnspecified || kind == AddressKind::kMulticast) return false;
  if (allow_private && (kind == AddressKind::kPrivate || kind == AddressKind::kCarrier ||
                        kind == AddressKind::kUniqueLocal)) {
    return true;
  }
  const IpAddress meant = EmbeddedV4(address).value_or(address);
  return std::ranges::any_of(allowed, [&](const AddressRange& range) {
    return range.Contains(address) || range.Contains(meant);
  });
}

Result<AddressPolicy> ParseAddressPolicy(const std::vector<std::string>& words) {
  AddressPolicy policy;
  for (const std::string& word : words) {
    if (word == "private") {
      policy.allow_private = true;
      continue;
    }
    auto range = ParseAddressRange(word);
    if (!range) {
      return Fail(ErrorCode::kInvalidArgument,
                  range.error().message + ", nor is it the word private");
    }
    policy.allowed.push_back(*range);
  }
  return policy;
}

}  // namespace committest::http
