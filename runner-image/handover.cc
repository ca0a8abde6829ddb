#include "runner-image/handover.h"

#include <fstream>
#include <iterator>
#include <system_error>

#include <nlohmann/json.hpp>

namespace committest::runner {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kRecord = "checkout.json";
constexpr fs::perms kReadAndRun = fs::perms::owner_read | fs::perms::owner_exec |
                                  fs::perms::group_read | fs::perms::group_exec |
                                  fs::perms::others_read | fs::perms::others_exec;

}  // namespace

Status HandOver(const fs::path& folder, const Handover& handover) {
  const fs::path program = folder / kHandedOverProgram;
  std::error_code error;
  fs::remove(program, error);
  fs::copy_file("/proc/self/exe", program, error);
  if (!error) fs::permissions(program, kReadAndRun, error);
  if (error) {
    return Fail(ErrorCode::kInternal, "cannot write " + program.string() + ": " + error.message());
  }
  const json record = {{"commit", handover.commit}, {"checkoutMilliseconds", handover.checkout_ms}};
  std::ofstream out(folder / kRecord, std::ios::binary | std::ios::trunc);
  out << record.dump() << std::flush;
  if (!out) return Fail(ErrorCode::kInternal, "cannot write " + (folder / kRecord).string());
  return {};
}

Result<Handover> TakeOver(const fs::path& folder) {
  std::ifstream in(folder / kRecord, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  const json record = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!record.is_object() || !record.contains("commit") || !record["commit"].is_string() ||
      !record.contains("checkoutMilliseconds") ||
      !record["checkoutMilliseconds"].is_number_integer()) {
    return Fail(ErrorCode::kInternal, "there is no checkout: " + (folder / kRecord).string() +
                                          " cannot be read; `committest-runner checkout` runs "
                                          "before `committest-runner run`");
  }
  return Handover{record["commit"].get<std::string>(),
                  record["checkoutMilliseconds"].get<std::int64_t>()};
}

}  // namespace committest::runner
