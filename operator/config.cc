#include "operator/config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "common/base/strings.h"

namespace committest::op {
namespace {

Error Wrong(std::string_view name, std::string_view value, std::string_view expected) {
  return {ErrorCode::kInvalidArgument,
          std::string(name) + " is '" + OneLine(Truncate(value, 200)) + "', expected " +
              std::string(expected),
          {},
          std::nullopt};
}

/// Reads settings one by one and keeps the first error.
class Reader {
 public:
  explicit Reader(const Settings& settings) : settings_(settings) {}

  /// The last value given, so that a flag can be repeated to override.
  const std::string* Last(const char* name) const {
    const auto it = settings_.find(name);
    return it == settings_.end() || it->second.empty() ? nullptr : &it->second.back();
  }

  void Text(const char* name, std::string& target) const {
    if (const std::string* value = Last(name)) target = *value;
  }

  void Matching(const char* name, bool (*accepts)(std::string_view), const char* expected,
                std::string& target) {
    const std::string* value = Last(name);
    if (value == nullptr) return;
    if (!accepts(*value)) Refuse(Wrong(name, *value, expected));
    target = *value;
  }

  template <typename T>
  void Take(Result<T> result, T& target) {
    if (result) {
      target = *result;
    } else {
      Refuse(result.error());
    }
  }

  void Refuse(Error error) {
    if (status_) status_ = Fail(std::move(error));
  }
  Status Finish() { return std::move(status_); }

 private:
  const Settings& settings_;
  Status status_;
};

bool IsLowerAlphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

/// A DNS label, or several joined by dots.
bool IsObjectName(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  const auto fits = [](char c) { return IsLowerAlphanumeric(c) || c == '-' || c == '.'; };
  return std::ranges::all_of(name, fits) && IsLowerAlphanumeric(name.front()) &&
         IsLowerAlphanumeric(name.back());
}

bool IsNamespace(std::string_view name) {
  return IsObjectName(name) && name.size() <= 63 && name.find('.') == std::string_view::npos;
}

bool IsEmptyOrObjectName(std::string_view name) { return name.empty() || IsObjectName(name); }
bool IsEmptyOrNamespace(std::string_view name) { return name.empty() || IsNamespace(name); }

/// An image reference as far as a typing error goes; the kubelet knows the rest.
bool IsImage(std::string_view image) {
  return !image.empty() && image.size() <= 512 &&
         std::ranges::all_of(image, [](char c) { return c > ' ' && c <= '~'; });
}

bool IsQuantity(std::string_view text) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string_view number = text.substr(0, digits);
  if (number.empty() || number.front() == '.' || number.back() == '.') return false;
  if (std::ranges::count(number, '.') > 1) return false;
  static constexpr std::array<std::string_view, 12> kSuffixes{"",   "m",  "k",  "M",  "G", "T",
                                                              "Ki", "Mi", "Gi", "Ti", "P", "Pi"};
  return std::ranges::find(kSuffixes, text.substr(digits)) != kSuffixes.end();
}

std::optional<int> Number(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

void ReadNamespaces(const Settings& settings, Reader& reader, Config& config) {
  const auto it = settings.find("namespace");
  if (it == settings.end() || it->second.empty()) return;
  config.namespaces = it->second;
  for (const std::string& name : config.namespaces) {
    if (!IsNamespace(name)) {
      reader.Refuse(Wrong("namespace", name, "a namespace: letters a-z, digits and -, at most 63"));
    }
  }
  std::ranges::sort(config.namespaces);
  const auto repeated = std::ranges::unique(config.namespaces);
  config.namespaces.erase(repeated.begin(), repeated.end());
}

void ReadRunner(Reader& reader, RunnerDefaults& runner) {
  constexpr const char* kQuantity = "a quantity such as 250m, 1 or 512Mi";
  reader.Matching("runner-image", IsImage, "the name of an image", runner.image);
  reader.Matching("runner-service-account", IsEmptyOrObjectName, "the name of a service account",
                  runner.service_account);
  reader.Matching("runner-cpu-request", IsQuantity, kQuantity, runner.cpu_request);
  reader.Matching("runner-cpu-limit", IsQuantity, kQuantity, runner.cpu_limit);
  reader.Matching("runner-memory", IsQuantity, kQuantity, runner.memory);
  reader.Matching("runner-ephemeral-storage", IsQuantity, kQuantity, runner.ephemeral_storage);
}

void ReadAddress(Reader& reader, Config& config) {
  const std::string* value = reader.Last("http-address");
  if (value == nullptr) return;
  const std::size_t colon = value->rfind(':');
  const std::optional<int> port = colon == std::string::npos
                                      ? std::nullopt
                                      : Number(std::string_view(*value).substr(colon + 1));
  if (!port || *port < 0 || *port > 65'535) {
    reader.Refuse(Wrong("http-address", *value, "host:port or :port, with a port up to 65535"));
    return;
  }
  config.http_port = *port;
  if (colon > 0) config.http_host = value->substr(0, colon);
}

void ReadLease(Reader& reader, Config& config) {
  if (const std::string* value = reader.Last("leader-elect")) {
    if (*value != "true" && *value != "false") {
      reader.Refuse(Wrong("leader-elect", *value, "true or false"));
    }
    config.leader_elect = *value == "true";
  }
  reader.Matching("lease-namespace", IsEmptyOrNamespace, "a namespace", config.lease_namespace);
  reader.Matching("lease-name", IsObjectName, "the name of a Lease", config.lease_name);
}

/// The number that `name` was given, if it is in the range; else `fallback`.
int ReadNumber(Reader& reader, const char* name, int minimum, int maximum, int fallback) {
  const std::string* value = reader.Last(name);
  if (value == nullptr) return fallback;
  const std::optional<int> number = Number(*value);
  if (number && *number >= minimum && *number <= maximum) return *number;
  reader.Refuse(Wrong(
      name, *value, "a number from " + std::to_string(minimum) + " to " + std::to_string(maximum)));
  return fallback;
}

}  // namespace

Result<Config> MakeConfig(const Settings& settings) {
  Config config;
  Reader reader(settings);
  ReadNamespaces(settings, reader, config);
  reader.Text("kubeconfig", config.kubeconfig);
  reader.Text("context", config.context);
  ReadRunner(reader, config.runner);
  ReadLease(reader, config);
  ReadAddress(reader, config);
  if (const std::string* level = reader.Last("log-level")) {
    reader.Take(log::ParseLevel(*level), config.log_level);
  }
  if (const std::string* format = reader.Last("log-format")) {
    reader.Take(log::ParseFormat(*format), config.log_format);
  }
  config.workers = ReadNumber(reader, "workers", 1, 64, config.workers);
  config.max_running = ReadNumber(reader, "max-running", 0, 1'000'000, 100);
  config.policy.finished_job_ttl = std::chrono::seconds(
      ReadNumber(reader, "finished-job-ttl-seconds", static_cast<int>(kMinJobTtl.count()),
                 31'536'000, static_cast<int>(Policy().finished_job_ttl.count())));
  if (Status status = reader.Finish(); !status) return Fail(std::move(status.error()));
  return config;
}

}  // namespace committest::op
