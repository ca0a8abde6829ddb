#include "common/api/names.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/base/strings.h"
#include "common/kube/json_reader.h"

namespace committest::api {
namespace {

// RFC 1123: what a label value, and a name that is copied into one, may hold.
constexpr std::size_t kMaxLabelBytes = 63;

bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// `name` in at most `max_bytes`; what is cut is replaced by digits of the whole name's hash.
std::string CutName(std::string_view name, std::size_t max_bytes) {
  if (name.size() <= max_bytes) return std::string(name);
  constexpr std::size_t kHashBytes = 6;
  std::string cut(name.substr(0, max_bytes - kHashBytes - 1));
  while (!cut.empty() && !IsAlphanumeric(cut.back())) cut.pop_back();
  return cut + "-" + Sha256Hex(name).substr(0, kHashBytes);
}

// A name may hold dots, a DNS label may not.
std::string DnsLabel(std::string_view name) {
  std::string label(name);
  std::ranges::replace(label, '.', '-');
  return label;
}

}  // namespace

std::string CommitTestName(std::string_view repository, std::string_view commit,
                           const TestsSpec& tests, const ExecutionSpec& execution,
                           std::string_view refused_file) {
  nlohmann::json configuration = {{"tests", ToJson(tests)}, {"execution", ToJson(execution)}};
  if (!refused_file.empty()) configuration["refusedFile"] = refused_file;
  const std::string suffix = "-" + std::string(commit.substr(0, 12)) + "-" +
                             Sha256Hex(kube::Dump(configuration)).substr(0, 6);
  return CutName(repository, kMaxLabelBytes - suffix.size()) + suffix;
}

std::string JobName(std::string_view commit_test_name, std::string_view commit_test_uid,
                    std::int64_t attempt, std::size_t reserved) {
  const std::string suffix =
      "-" + Sha256Hex(commit_test_uid).substr(0, 8) + "-" + std::to_string(attempt);
  return CutName(DnsLabel(commit_test_name), kMaxLabelBytes - reserved - suffix.size()) + suffix;
}

std::string LabelValue(std::string_view text) {
  std::string value(text);
  for (char& c : value) {
    if (!IsAlphanumeric(c) && c != '_' && c != '.' && c != '-') c = '-';
  }
  const bool ends_well =
      value.empty() || (IsAlphanumeric(value.front()) && IsAlphanumeric(value.back()));
  if (value == text && ends_well && value.size() <= kMaxLabelBytes) return value;
  constexpr std::size_t kHashBytes = 6;
  value.erase(0, std::min(value.size(), value.find_first_not_of("-_.")));
  value = value.substr(0, kMaxLabelBytes - kHashBytes - 1);
  while (!value.empty() && !IsAlphanumeric(value.back())) value.pop_back();
  const std::string hash = Sha256Hex(text).substr(0, kHashBytes);
  return value.empty() ? hash : value + "-" + hash;
}

std::string ShortRef(std::string_view ref) {
  for (const std::string_view prefix : {"refs/heads/", "refs/"}) {
    if (ref.starts_with(prefix)) return std::string(ref.substr(prefix.size()));
  }
  return std::string(ref);
}

}  // namespace committest::api
