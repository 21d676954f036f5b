#include "corral/generation/model_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "scheduler/fake_backend.hpp"

namespace corral::generation {
namespace {

using testing::IsEmpty;
using testing::UnorderedElementsAre;

class model_directory_test : public testing::Test {
protected:
    // With `first` and `second` as its places.
    served_model wide() {
        served_model out;
        out.entry = &first.entry;
        out.runtime = &first;
        out.instances = {&first, &second};
        return out;
    }
    served_model narrow() {
        served_model out;
        out.entry = &first.entry;
        out.runtime = &first;
        return out;
    }
    [[nodiscard]] std::vector<const served_model*> holders_of(const engine::backend& which) const {
        std::vector<const served_model*> out;
        for (const auto& each : directory.holders_of(which)) {
            out.push_back(each.lock().get());
        }
        return out;
    }

    boost::asio::io_context io;
    test::fake_backend first{io};
    test::fake_backend second{io};
    model_directory directory{{wide()}};
};

TEST_F(model_directory_test, what_was_replaced_twice_and_is_held_still_counts) {
    const served oldest = directory.find("tiny");
    directory.put(wide());
    const served older = directory.find("tiny");
    directory.put(narrow());
    EXPECT_THAT(holders_of(second), UnorderedElementsAre(oldest.get(), older.get()));
    EXPECT_THAT(holders_of(first),
                UnorderedElementsAre(oldest.get(), older.get(), directory.find("tiny").get()));
}

TEST_F(model_directory_test, what_was_removed_counts_while_it_is_held) {
    served held = directory.find("tiny");
    ASSERT_TRUE(directory.remove("tiny"));
    EXPECT_THAT(holders_of(second), UnorderedElementsAre(held.get()));
    held = nullptr;
    EXPECT_THAT(holders_of(second), IsEmpty());
}

TEST_F(model_directory_test, who_holds_a_model_as_its_tier_holds_the_model) {
    served_model tiered = narrow();
    tiered.tiers.emplace_back().runtime = &second;
    tiered.tiers.back().entry = &second.entry;
    directory.put(tiered);
    served as_tier = tier_of(directory.find("tiny"), second);
    directory.put(narrow());
    EXPECT_EQ(directory.holders_of(second).size(), 1U);
    as_tier = nullptr;
    EXPECT_THAT(directory.holders_of(second), IsEmpty());
}

TEST_F(model_directory_test, a_held_one_is_not_lost_among_thousands_that_are_not) {
    const served held = directory.find("tiny");
    for (int i = 0; i < 5000; ++i) {
        directory.put(narrow());
    }
    EXPECT_THAT(holders_of(second), UnorderedElementsAre(held.get()));
    EXPECT_THAT(holders_of(first), UnorderedElementsAre(held.get(), directory.find("tiny").get()));
}

}  // namespace
}  // namespace corral::generation
