#include "runner-image/output_reader.h"

#include <algorithm>

namespace committest::runner {

void LineCutter::Feed(std::string_view bytes) {
  text_.erase(0, start_);
  start_ = 0;
  text_.append(bytes);
}

std::string_view LineCutter::Next() {
  const std::string_view rest = Rest();
  const auto end = rest.substr(0, kMaxLineBytes).find('\n');
  std::size_t size = 0;
  if (end != std::string_view::npos) {
    size = end + 1;
  } else if (rest.size() >= kMaxLineBytes) {
    size = kMaxLineBytes;
  }
  start_ += size;
  return rest.substr(0, size);
}

}  // namespace committest::runner
