#include "common/http/message.h"

namespace committest::http {

std::string_view PathOf(std::string_view target) { return target.substr(0, target.find('?')); }

}  // namespace committest::http
