// The projection of a list against a parser that reads the whole of it: same items, same faults.
#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/kube/list_projection.h"
#include "tests/fuzz/fuzz.h"

namespace committest::kube {
namespace {

using fuzz::Expect;
using nlohmann::json;

constexpr int kDepth = 8;

struct Outcome {
  Result<ListPage> page;
  std::vector<json> items;
};

Outcome Project(std::string_view text, const std::vector<std::string>& drop) {
  Outcome outcome;
  outcome.page = ProjectList(
      text, drop, [&](json&& item) { outcome.items.push_back(std::move(item)); }, {kDepth});
  return outcome;
}

// The whole document; discarded where it is no JSON. Of members of the list itself that stand
// there twice a parser keeps the last, while a projection has handed out the first.
struct Document {
  json value;
  int depth = 0;
  bool repeats_members = false;
};

Document Parse(std::string_view text) {
  Document document;
  std::set<json> members;
  const auto look = [&](int depth, json::parse_event_t event, json& parsed) {
    using Event = json::parse_event_t;
    if (event == Event::object_start || event == Event::array_start) {
      document.depth = std::max(document.depth, depth + 1);
    }
    if (event == Event::key && depth == 1 && !members.insert(parsed).second) {
      document.repeats_members = true;
    }
    return true;
  };
  document.value = json::parse(text, look, false);
  return document;
}

bool IsList(const json& value) {
  if (!value.is_object() || !value.contains("metadata") || !value.contains("items")) return false;
  const json& items = value["items"];
  const bool are_objects = items.is_array() && std::ranges::all_of(items, [](const json& item) {
                             return item.is_object();
                           });
  return value["metadata"].is_object() && (items.is_null() || are_objects);
}

}  // namespace
}  // namespace committest::kube

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace committest::kube;
  using committest::fuzz::Expect;
  const std::string_view text = committest::fuzz::Text(data, size);
  const Outcome all = Project(text, {});
  const Outcome dropped = Project(text, {"metadata.managedFields", "status"});
  Expect(all.page.has_value() == dropped.page.has_value(), "what is dropped changes no fault");
  Expect(all.items.size() == dropped.items.size(), "what is dropped changes no number of items");
  for (std::size_t i = 0; i < all.items.size(); ++i) {
    json expected = all.items[i];
    expected.erase("status");
    if (expected.contains("metadata") && expected["metadata"].is_object()) {
      expected["metadata"].erase("managedFields");
    }
    Expect(dropped.items[i] == expected, "what is dropped is absent, and nothing else");
  }
  const Document document = Parse(text);
  if (document.repeats_members) return 0;
  const bool is_list = IsList(document.value) && document.depth <= kDepth;
  Expect(all.page.has_value() == is_list, "only a whole list of bounded depth is taken");
  if (!is_list) return 0;
  const json& items = document.value["items"];
  Expect(items.is_null() ? all.items.empty() : json(all.items) == items, "the items, in order");
  const json& metadata = document.value["metadata"];
  const auto is_text = [&](const char* key, const std::string& read) {
    return metadata.contains(key) && metadata[key].is_string() ? metadata[key] == read
                                                               : read.empty();
  };
  Expect(is_text("resourceVersion", all.page->resource_version), "the list's resource version");
  Expect(is_text("continue", all.page->continue_token), "the list's continue token");
  return 0;
}
