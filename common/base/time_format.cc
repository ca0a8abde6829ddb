#include "common/base/time_format.h"

#include <charconv>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace committest {
namespace {

using std::chrono::floor;

// WallTime counts nanoseconds in 64 bits: the years that it holds from end to end.
constexpr int kFirstYear = 1678;
constexpr int kLastYear = 2261;

// Digits only: from_chars alone would take a sign.
std::optional<int> Number(std::string_view text, std::size_t at, std::size_t length) {
  if (text[at] == '-') return std::nullopt;
  int value = 0;
  const char* first = text.data() + at;
  const auto [end, error] = std::from_chars(first, first + length, value);
  if (error != std::errc{} || end != first + length) return std::nullopt;
  return value;
}

// The fraction of a second after the '.', as microseconds; digits past the sixth do not count.
std::optional<std::chrono::microseconds> Fraction(std::string_view digits) {
  if (digits.empty() || digits.size() > 9) return std::nullopt;
  const auto value = Number(digits, 0, digits.size());
  if (!value) return std::nullopt;
  std::int64_t micros = *value;
  for (std::size_t i = digits.size(); i < 6; ++i) micros *= 10;
  for (std::size_t i = digits.size(); i > 6; --i) micros /= 10;
  return std::chrono::microseconds(micros);
}

}  // namespace

std::string FormatTime(WallTime time) {
  return fmt::format(
      "{:%Y-%m-%dT%H:%M:%S}Z",
      fmt::gmtime(std::chrono::system_clock::to_time_t(floor<std::chrono::seconds>(time))));
}

std::string FormatMicroTime(WallTime time) {
  const auto seconds = floor<std::chrono::seconds>(time);
  const auto micros = floor<std::chrono::microseconds>(time - seconds).count();
  std::string text = FormatTime(time);
  text.pop_back();
  return fmt::format("{}.{:06}Z", text, micros);
}

std::optional<WallTime> ParseTime(std::string_view text) {
  if (text.size() < 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':' || text.back() != 'Z') {
    return std::nullopt;
  }
  const auto year = Number(text, 0, 4), month = Number(text, 5, 2), day = Number(text, 8, 2);
  const auto hour = Number(text, 11, 2), minute = Number(text, 14, 2), second = Number(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  if (*year < kFirstYear || *year > kLastYear) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year},
                                         std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  WallTime time = std::chrono::sys_days(date) + std::chrono::hours(*hour) +
                  std::chrono::minutes(*minute) + std::chrono::seconds(*second);
  if (text.size() > 20) {
    if (text[19] != '.') return std::nullopt;
    const auto fraction = Fraction(text.substr(20, text.size() - 21));
    if (!fraction) return std::nullopt;
    time += *fraction;
  }
  return time;
}

std::string FormatDuration(std::chrono::milliseconds duration) {
  const auto ms = duration.count() < 0 ? 0 : duration.count();
  if (ms < 1000) return fmt::format("{}ms", ms);
  const auto seconds = ms / 1000;
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
  return fmt::format("{}h{:02}m", seconds / 3600, seconds / 60 % 60);
}

}  // namespace committest
