#include "runner-image/config.h"

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/strings.h"

namespace committest::runner {
namespace {

std::string ValueOf(const Environment& environment, const std::string& name) {
  const auto it = environment.find(name);
  return it == environment.end() ? std::string() : it->second;
}

// Leaves `number` as it is when the variable is not set.
Status ReadNumber(const Environment& environment, const std::string& name, std::int64_t minimum,
                  std::int64_t maximum, std::int64_t& number) {
  const std::string text = ValueOf(environment, name);
  if (text.empty()) return {};
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < minimum ||
      value > maximum) {
    return Fail(ErrorCode::kInvalidArgument, name + " is '" + OneLine(Truncate(text, 80)) +
                                                 "', expected " + std::to_string(minimum) + " to " +
                                                 std::to_string(maximum));
  }
  number = value;
  return {};
}

}  // namespace

SummaryTarget ReadSummaryTarget(const Environment& environment) {
  const std::string path = ValueOf(environment, "COMMITTEST_TERMINATION_LOG");
  return path.empty() ? SummaryTarget{"/dev/termination-log", false} : SummaryTarget{path, true};
}

Result<Config> ReadConfig(const Environment& environment) {
  Config config;
  config.summary = ReadSummaryTarget(environment);
  if (auto path = ValueOf(environment, "COMMITTEST_WORKSPACE"); !path.empty()) {
    config.workspace = path;
  }
  if (auto path = ValueOf(environment, "TMPDIR"); !path.empty()) config.temporary = path;
  if (auto path = ValueOf(environment, "COMMITTEST_HANDOVER"); !path.empty()) {
    config.handover = path;
  }
  if (auto path = ValueOf(environment, "COMMITTEST_CREDENTIALS"); !path.empty()) {
    config.credentials = path;
  }
  config.credentials_secret = ValueOf(environment, "COMMITTEST_CREDENTIALS_SECRET");
  auto output_limit = static_cast<std::int64_t>(config.output_limit_bytes);
  std::int64_t checkout_seconds = 120;
  std::int64_t grace_seconds = 5;
  for (const Status& status :
       {ReadNumber(environment, "COMMITTEST_OUTPUT_LIMIT_BYTES", 0, INT64_MAX, output_limit),
        ReadNumber(environment, "COMMITTEST_CHECKOUT_TIMEOUT_SECONDS", 1, 3600, checkout_seconds),
        ReadNumber(environment, "COMMITTEST_GRACE_SECONDS", 0, 600, grace_seconds)}) {
    if (!status) return Fail(status.error());
  }
  config.output_limit_bytes = static_cast<std::uint64_t>(output_limit);
  config.checkout_limit = std::chrono::seconds(checkout_seconds);
  config.grace = std::chrono::seconds(grace_seconds);
  return config;
}

}  // namespace committest::runner
