#pragma once

#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/kube/object.h"
#include "common/kube/store.h"
#include "common/kube/watcher_core.h"

namespace committest::kube {

/// Makes a typed object of what the API server sent.
template <typename T>
using ParseFn = std::function<T(const nlohmann::json&)>;

namespace internal {

/// The metadata of `object`, or nullopt after a log line that says why it is skipped.
std::optional<ObjectMeta> UsableMeta(std::string_view watcher, const nlohmann::json& object);
/// Logs that `parse` threw `what` for the object `key`.
void LogParseFailure(std::string_view watcher, const ObjectKey& key, std::string_view what);

}  // namespace internal

/// Writes what a watcher learns into a `Store<T>`.
template <typename T>
class StoreSink final : public WatcherSink {
 public:
  StoreSink(std::string name, Store<T>& store, ParseFn<T> parse)
      : name_(std::move(name)), store_(store), parse_(std::move(parse)) {}

  /// What the store holds already is not held twice: a LIST of what has not changed takes no memory.
  void Stage(nlohmann::json&& object) override {
    auto parsed = Parse(object);
    if (!parsed) return;
    if constexpr (std::equality_comparable<T>) {
      if (auto held = store_.Get(parsed->meta.Key()); held && *held == *parsed) parsed = held;
    }
    staged_.push_back(std::move(parsed));
  }
  void DiscardStaged() override { staged_.clear(); }
  void CommitStaged() override { store_.Replace(std::exchange(staged_, {})); }

  void Upsert(nlohmann::json&& object) override {
    auto parsed = Parse(object);
    if (!parsed) return;
    const auto held = store_.Get(parsed->meta.Key());
    if (held && !Supersedes(parsed->meta, held->meta)) return;
    store_.Put(std::move(parsed));
  }

  void Remove(nlohmann::json&& object) override {
    const auto meta = internal::UsableMeta(name_, object);
    if (!meta) return;
    const auto held = store_.Get(meta->Key());
    if (held && IsNewer(held->meta.resource_version, meta->resource_version).value_or(false)) {
      return;
    }
    store_.Remove(meta->Key());
  }

 private:
  using Ptr = typename Store<T>::Ptr;

  /// Whether `next` is to replace `held`: not when it is the same version, and not when it is
  /// known to be older. Versions that cannot be compared are taken in the order of arrival.
  static bool Supersedes(const ObjectMeta& next, const ObjectMeta& held) {
    return IsNewer(next.resource_version, held.resource_version)
        .value_or(next.resource_version != held.resource_version);
  }

  Ptr Parse(const nlohmann::json& object) const {
    const auto meta = internal::UsableMeta(name_, object);
    if (!meta) return nullptr;
    try {
      return std::make_shared<const T>(parse_(object));
    } catch (const std::exception& e) {
      internal::LogParseFailure(name_, meta->Key(), e.what());
      return nullptr;
    }
  }

  const std::string name_;
  Store<T>& store_;
  const ParseFn<T> parse_;
  std::vector<Ptr> staged_;
};

}  // namespace committest::kube
