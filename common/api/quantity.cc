#include "common/api/quantity.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "common/base/strings.h"

namespace committest::api {
namespace {

__extension__ using Wide = unsigned __int128;

// Ten thousand times this still fits into 128 bits.
constexpr Wide kMost = [] {
  Wide most = 1;
  for (int i = 0; i < 28; ++i) most *= 10;
  return most;
}();

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// What a suffix stands for: 10^decimal times 2^binary.
struct Scale {
  int decimal = 0;
  int binary = 0;
};

std::optional<Scale> ParseScale(std::string_view suffix) {
  constexpr std::array<std::pair<std::string_view, Scale>, 16> kScales{{{"", {0, 0}},
                                                                        {"n", {-9, 0}},
                                                                        {"u", {-6, 0}},
                                                                        {"m", {-3, 0}},
                                                                        {"k", {3, 0}},
                                                                        {"M", {6, 0}},
                                                                        {"G", {9, 0}},
                                                                        {"T", {12, 0}},
                                                                        {"P", {15, 0}},
                                                                        {"E", {18, 0}},
                                                                        {"Ki", {0, 10}},
                                                                        {"Mi", {0, 20}},
                                                                        {"Gi", {0, 30}},
                                                                        {"Ti", {0, 40}},
                                                                        {"Pi", {0, 50}},
                                                                        {"Ei", {0, 60}}}};
  const auto* known =
      std::ranges::find(kScales, suffix, &std::pair<std::string_view, Scale>::first);
  if (known != kScales.end()) return known->second;
  if (suffix.front() != 'e' && suffix.front() != 'E') return std::nullopt;
  suffix.remove_prefix(1);
  if (suffix.starts_with('+')) suffix.remove_prefix(1);
  Scale scale;
  const auto [end, error] =
      std::from_chars(suffix.data(), suffix.data() + suffix.size(), scale.decimal);
  const bool whole = error == std::errc() && end == suffix.data() + suffix.size();
  if (!whole || scale.decimal < -30 || scale.decimal > 30) return std::nullopt;
  return scale;
}

// `value` times 10^decimal times 2^binary, rounded up as Kubernetes does; nullopt if too large.
std::optional<Wide> Scaled(Wide value, Scale scale) {
  for (; scale.binary > 0; scale.binary -= 10) {
    value *= 1024;
    if (value > kMost) return std::nullopt;
  }
  for (; scale.decimal > 0; --scale.decimal) {
    value *= 10;
    if (value > kMost) return std::nullopt;
  }
  bool rounded = false;
  for (; scale.decimal < 0; ++scale.decimal) {
    rounded = rounded || value % 10 != 0;
    value /= 10;
  }
  return rounded ? value + 1 : value;
}

// The digits without the point, which lies `places` before their end.
struct Digits {
  Wide value = 0;
  int places = 0;
  std::size_t length = 0;  ///< Of the text.
  bool fits = true;
};

Digits ReadDigits(std::string_view text) {
  Digits digits;
  bool after_point = false;
  std::size_t count = 0;
  for (; digits.length < text.size(); ++digits.length) {
    const char c = text[digits.length];
    if (c == '.' && !after_point) {
      after_point = true;
      continue;
    }
    if (!IsDigit(c)) break;
    digits.value = digits.value * 10 + static_cast<Wide>(c - '0');
    if (digits.value > kMost) digits.fits = false;
    if (!digits.fits) digits.value = 0;
    if (after_point) ++digits.places;
    ++count;
  }
  if (count == 0) digits.length = 0;
  return digits;
}

}  // namespace

Result<Quantity> Quantity::Parse(std::string_view text) {
  const auto refuse = [text] {
    return Fail(ErrorCode::kInvalidArgument,
                "is '" + OneLine(Truncate(text, 80)) +
                    "', expected a quantity greater than 0, such as 500m or 1Gi");
  };
  std::string_view number = text.starts_with('+') ? text.substr(1) : text;
  const Digits digits = ReadDigits(number);
  if (digits.length == 0 || !digits.fits || text.size() > 32) return refuse();
  auto scale = ParseScale(number.substr(digits.length));
  if (!scale) return refuse();
  scale->decimal += 9 - digits.places;
  const auto value = Scaled(digits.value, *scale);
  if (!value || *value == 0) return refuse();
  return Quantity(*value);
}

std::int64_t Quantity::Ceiling() const {
  constexpr Billionths kBillion = 1'000'000'000;
  const Billionths whole = (value_ + kBillion - 1) / kBillion;
  constexpr Billionths kMostUnits = INT64_MAX;
  return static_cast<std::int64_t>(std::min(whole, kMostUnits));
}

}  // namespace committest::api
