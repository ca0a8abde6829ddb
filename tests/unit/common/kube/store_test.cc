#include "common/kube/store.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace committest::kube {
namespace {

struct Thing {
  ObjectMeta meta;
};

using Ptr = Store<Thing>::Ptr;

Ptr Make(const std::string& name, const std::string& version, const std::string& uid = "uid") {
  Thing thing;
  thing.meta.namespace_ = "ns";
  thing.meta.name = name;
  thing.meta.resource_version = version;
  thing.meta.uid = uid;
  return std::make_shared<const Thing>(thing);
}

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    store_.AddHandler([this](const Ptr& before, const Ptr& after) {
      heard_.push_back(Word(before) + "->" + Word(after));
    });
  }

  static std::string Word(const Ptr& thing) {
    if (!thing) return "none";
    return thing->meta.name + "@" + thing->meta.resource_version + "/" + thing->meta.uid;
  }

  std::vector<std::string> Heard() { return std::exchange(heard_, {}); }

  Store<Thing> store_;
  std::vector<std::string> heard_;
};

using Words = std::vector<std::string>;

TEST_F(StoreTest, TellsOfAnAddedAChangedAndADeletedObject) {
  store_.Put(Make("a", "1"));
  store_.Put(Make("a", "2"));
  store_.Remove({"ns", "a"});
  EXPECT_EQ(Heard(), (Words{"none->a@1/uid", "a@1/uid->a@2/uid", "a@2/uid->none"}));
  EXPECT_EQ(store_.Size(), 0U);
}

TEST_F(StoreTest, SaysNothingAboutTheRemovalOfWhatItDoesNotHold) {
  store_.Remove({"ns", "a"});
  EXPECT_EQ(Heard(), Words{});
}

TEST_F(StoreTest, ShowsTheChangeBeforeItTellsHandlers) {
  std::string seen;
  store_.AddHandler([&](const Ptr&, const Ptr&) { seen = Word(store_.Get({"ns", "a"})); });
  store_.Put(Make("a", "1"));
  EXPECT_EQ(seen, "a@1/uid");
}

TEST_F(StoreTest, KeepsWhatAReaderGotAliveAfterAChange) {
  store_.Put(Make("a", "1"));
  const Ptr held = store_.Get({"ns", "a"});
  store_.Put(Make("a", "2"));
  EXPECT_EQ(held->meta.resource_version, "1");
}

TEST_F(StoreTest, ListsInTheOrderOfKeys) {
  store_.Put(Make("b", "1"));
  store_.Put(Make("a", "2"));
  const auto all = store_.List();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all.front()->meta.name, "a");
}

TEST_F(StoreTest, ReplacesEverythingAndTellsOnlyOfDifferences) {
  store_.Put(Make("same", "1"));
  store_.Put(Make("changed", "2"));
  store_.Put(Make("deleted", "3"));
  Heard();
  store_.Replace({Make("same", "1"), Make("changed", "5"), Make("added", "4")});
  EXPECT_EQ(Heard(),
            (Words{"none->added@4/uid", "changed@2/uid->changed@5/uid", "deleted@3/uid->none"}));
  EXPECT_EQ(store_.Size(), 3U);
}

TEST_F(StoreTest, TellsOfBothObjectsWhenANameWasGivenToANewOne) {
  store_.Put(Make("a", "1", "old"));
  Heard();
  store_.Replace({Make("a", "9", "new")});
  EXPECT_EQ(Heard(), Words{"a@1/old->a@9/new"});
}

TEST_F(StoreTest, SeesTheWholeNewStateFromTheFirstHandlerCallOfAReplace) {
  store_.Put(Make("old", "1"));
  std::size_t size = 0;
  store_.AddHandler([&](const Ptr&, const Ptr&) {
    if (size == 0) size = store_.Size();
    EXPECT_EQ(store_.Get({"ns", "old"}), nullptr);
  });
  store_.Replace({Make("a", "2"), Make("b", "3")});
  EXPECT_EQ(size, 2U);
}

TEST_F(StoreTest, DeletesEverythingWhenTheListIsEmpty) {
  store_.Put(Make("a", "1"));
  store_.Put(Make("b", "2"));
  Heard();
  store_.Replace({});
  EXPECT_EQ(Heard(), (Words{"a@1/uid->none", "b@2/uid->none"}));
}

}  // namespace
}  // namespace committest::kube
