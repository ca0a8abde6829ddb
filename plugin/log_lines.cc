#include "plugin/log_lines.h"

#include "common/base/strings.h"
#include "common/base/time_format.h"

namespace committest::plugin {
namespace {

// "2026-11-21T08:45:00.123456789Z" or with an offset.
constexpr std::size_t kMinTimeBytes = 20;

bool LooksLikeTime(std::string_view word) {
  return word.size() >= kMinTimeBytes && word[4] == '-' && word[7] == '-' && word[10] == 'T';
}

}  // namespace

void LogLines::Feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    line_.append(bytes.substr(0, end));
    if (end != std::string_view::npos) {
      TakeLine(line_);
      line_.clear();
      in_pieces_ = false;
      bytes.remove_prefix(end + 1);
      continue;
    }
    if (line_.size() >= kMaxLineBytes) {
      TakeLine(line_);
      line_.clear();
      in_pieces_ = true;
    }
    return;
  }
}

void LogLines::EndStream(bool complete) {
  if (complete && !line_.empty()) TakeLine(line_);
  line_.clear();
  in_pieces_ = false;
}

std::optional<WallTime> LogLines::Since() const {
  return last_time_.empty() ? std::nullopt : ParseTime(last_time_);
}

void LogLines::TakeLine(std::string_view line) {
  const std::string_view word = line.substr(0, line.find(' '));
  if (!in_pieces_ && LooksLikeTime(word)) {
    if (word <= last_time_) return;
    last_time_ = std::string(word);
    line.remove_prefix(std::min(line.size(), word.size() + 1));
  }
  sink_(PrintableLine(line));
}

}  // namespace committest::plugin
