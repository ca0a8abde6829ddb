#include "common/api/commit_id.h"

#include <algorithm>

namespace committest::api {

bool IsCommitId(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace committest::api
