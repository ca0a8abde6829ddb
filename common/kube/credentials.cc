#include "common/kube/credentials.h"

#include <filesystem>
#include <fstream>

#include "common/base/strings.h"

namespace committest::kube {
namespace {

constexpr std::size_t kMaxMaterialBytes = std::size_t{1024} * 1024;

Error FileError(ErrorCode code, const std::string& file, const std::string& what) {
  return {code, file + ": " + what, {}, std::nullopt};
}

}  // namespace

Result<std::string> ReadSmallFile(const std::string& file, std::size_t max_bytes) {
  std::error_code error;
  const auto status = std::filesystem::status(file, error);
  if (!std::filesystem::exists(status)) {
    return Fail(FileError(ErrorCode::kNotFound, file, "no such file"));
  }
  // A pipe or device could block or never end.
  if (!std::filesystem::is_regular_file(status)) {
    return Fail(FileError(ErrorCode::kInvalidArgument, file, "not a regular file"));
  }
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return Fail(FileError(ErrorCode::kPermissionDenied, file, "cannot be opened"));
  std::string text(max_bytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad()) return Fail(FileError(ErrorCode::kUnavailable, file, "cannot be read"));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > max_bytes) {
    return Fail(FileError(ErrorCode::kInvalidArgument, file,
                          "larger than " + std::to_string(max_bytes) + " bytes"));
  }
  return text;
}

Result<std::string> ReadMaterial(const Material& material) {
  if (material.source) return material.source();
  if (material.file.empty()) return material.inline_text;
  return ReadSmallFile(material.file, kMaxMaterialBytes);
}

TokenSource::TokenSource(Material material, const Clock& clock, std::chrono::seconds max_age)
    : material_(std::move(material)), clock_(clock), max_age_(max_age) {}

Result<std::string> TokenSource::Get() {
  if (!material_.CanChange()) return material_.inline_text;
  const MutexLock lock(mutex_);
  const MonotonicTime now = clock_.Monotonic();
  if (read_at_ && now - *read_at_ < max_age_) return token_;
  const auto text = ReadMaterial(material_);
  std::string token(text ? Trim(*text) : std::string_view());
  if (!token.empty()) {
    token_ = std::move(token);
    read_at_ = now;
  } else if (token_.empty()) {
    return Fail(text ? FileError(ErrorCode::kUnauthenticated, material_.file, "empty token")
                     : text.error());
  }
  return token_;
}

bool TokenSource::Invalidate() {
  const MutexLock lock(mutex_);
  read_at_.reset();
  return material_.CanChange();
}

}  // namespace committest::kube
