#include "common/kube/list_projection.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/kube/json_reader.h"

namespace committest::kube {
namespace {

using nlohmann::json;

// Builds the list's metadata and one item at a time; everything else is skipped as it is read.
//
// `depth_` counts open containers: 1 is the list, 2 its metadata or items, 3 an item. `frames_` are
// the open containers of what is being built; empty means that nothing is.
class Projector final : public nlohmann::json_sax<json> {
 public:
  Projector(const std::vector<std::string>& drop, const ObjectSink& sink, int max_depth)
      : drop_(drop), sink_(sink), max_depth_(max_depth) {}

  Result<ListPage> Finish(bool parsed) const {
    if (!parsed) return Fail(ErrorCode::kDataLoss, "list: " + fault_);
    if (!has_metadata_ || !has_items_) {
      return Fail(ErrorCode::kDataLoss, "list: no metadata or no items");
    }
    return page_;
  }

  bool null() override {
    if (depth_ == 1 && root_key_ == "items") has_items_ = true;  // How Go writes an empty slice.
    return Scalar(nullptr);
  }
  bool boolean(bool value) override { return Scalar(value); }
  bool number_integer(number_integer_t value) override { return Scalar(value); }
  bool number_unsigned(number_unsigned_t value) override { return Scalar(value); }
  bool number_float(number_float_t value, const string_t&) override { return Scalar(value); }
  bool string(string_t& value) override { return Scalar(std::move(value)); }
  bool binary(binary_t&) override { return Fault("binary value"); }
  bool start_object(std::size_t) override { return Open(json::object()); }
  bool start_array(std::size_t) override { return Open(json::array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }

  bool key(string_t& name) override {
    if (skipping_ > 0) return true;
    if (frames_.empty()) {
      root_key_ = std::move(name);
      return true;
    }
    skip_next_ = frames_.back().on_drop_path && IsDropped(frames_.back().path, name);
    if (!skip_next_) key_ = std::move(name);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    return Fault("malformed JSON at byte " + std::to_string(position));
  }

 private:
  struct Frame {
    json* value;
    std::string path;   // Of member names from the item on, joined by dots.
    bool on_drop_path;  // Some dropped member lies below this object.
  };

  bool Fault(std::string what) {
    fault_ = std::move(what);
    return false;
  }

  static std::string Below(const std::string& path, const std::string& name) {
    return path.empty() ? name : path + "." + name;
  }

  bool IsDropped(const std::string& path, const std::string& name) const {
    return std::ranges::find(drop_, Below(path, name)) != drop_.end();
  }

  bool LeadsToDropped(const std::string& path) const {
    return std::ranges::any_of(
        drop_, [&](const std::string& dropped) { return dropped.starts_with(path + "."); });
  }

  // Puts `value` into the innermost open container.
  json* Add(json value) {
    json& parent = *frames_.back().value;
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    json& member = parent[key_];
    member = std::move(value);
    return &member;
  }

  bool Scalar(json value) {
    if (skipping_ > 0 || std::exchange(skip_next_, false)) return true;
    if (!frames_.empty()) {
      Add(std::move(value));
    } else if (depth_ == 0) {
      return Fault("not an object");
    } else if (in_items_) {
      return Fault("an item is not an object");
    }
    return true;
  }

  bool Open(json container) {
    if (++depth_ > max_depth_) return Fault("nested too deeply");
    if (skipping_ > 0 || std::exchange(skip_next_, false)) {
      ++skipping_;
      return true;
    }
    if (frames_.empty()) return OpenOutside(std::move(container));
    Frame& parent = frames_.back();
    const bool in_object = parent.value->is_object() && parent.on_drop_path;
    std::string path = in_object ? Below(parent.path, key_) : std::string();
    const bool on_drop_path = in_object && container.is_object() && LeadsToDropped(path);
    json* const value = Add(std::move(container));
    frames_.push_back({value, std::move(path), on_drop_path});
    return true;
  }

  bool OpenOutside(json container) {
    if (depth_ == 1) return container.is_object() || Fault("not an object");
    if (in_items_) {
      if (!container.is_object()) return Fault("an item is not an object");
      return Begin(std::move(container), !drop_.empty());
    }
    if (root_key_ == "items" && container.is_array()) {
      in_items_ = has_items_ = true;
    } else if (root_key_ == "metadata" && container.is_object()) {
      return Begin(std::move(container), false);
    } else {
      skipping_ = 1;
    }
    return true;
  }

  bool Begin(json container, bool on_drop_path) {
    built_ = std::move(container);
    frames_.push_back({&built_, {}, on_drop_path});
    return true;
  }

  bool Close() {
    --depth_;
    if (skipping_ > 0) {
      --skipping_;
    } else if (!frames_.empty()) {
      frames_.pop_back();
      if (frames_.empty()) Complete();
    } else if (depth_ == 1) {
      in_items_ = false;
    }
    return true;
  }

  void Complete() {
    if (in_items_) {
      sink_(std::move(built_));
      built_ = nullptr;
      return;
    }
    has_metadata_ = true;
    page_.resource_version = StringAt(built_, "resourceVersion");
    page_.continue_token = StringAt(built_, "continue");
  }

  const std::vector<std::string>& drop_;
  const ObjectSink& sink_;
  const int max_depth_;
  int depth_ = 0;
  int skipping_ = 0;  // Open containers of a skipped value.
  bool skip_next_ = false;
  bool in_items_ = false;
  bool has_items_ = false;
  bool has_metadata_ = false;
  std::string root_key_;
  std::string key_;
  json built_;
  std::vector<Frame> frames_;
  ListPage page_;
  std::string fault_;
};

}  // namespace

Result<ListPage> ProjectList(std::string_view body, const std::vector<std::string>& drop,
                             const ObjectSink& sink, const ProjectionLimits& limits) {
  Projector projector(drop, sink, limits.depth);
  const bool parsed = json::sax_parse(body, &projector);
  return projector.Finish(parsed);
}

}  // namespace committest::kube
