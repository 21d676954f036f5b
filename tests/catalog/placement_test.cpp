#include "corral/catalog/placement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "corral/catalog/placeholders.hpp"

namespace corral::catalog {
namespace {

using testing::ElementsAre;

model_entry with_card_sets(std::vector<card_set> card_sets) {
    model_entry model;
    model.name = "qwen3:4b";
    model.card_sets = std::move(card_sets);
    model.cards = model.card_sets.front();
    return model;
}

TEST(placement, a_model_with_one_place_keeps_its_name) {
    EXPECT_EQ(label_of(entry_at(with_card_sets({{0}}), {0})), "qwen3:4b");
    EXPECT_EQ(label_of(entry_at(with_card_sets({{0, 1}}), {0, 1})), "qwen3:4b");
}

TEST(placement, several_places_are_told_apart_by_their_cards) {
    const auto model = with_card_sets({{0}, {1}, {2, 3}});
    EXPECT_EQ(label_of(entry_at(model, {0})), "qwen3:4b@0");
    EXPECT_EQ(label_of(entry_at(model, {2, 3})), "qwen3:4b@2,3");
}

TEST(placement, the_tool_is_asked_about_the_first_card) {
    EXPECT_EQ(entry_at(with_card_sets({{0}, {3, 1}}), {3, 1}).runtime.device.card, 3U);
}

TEST(placement, a_command_is_told_all_cards) {
    auto model = entry_at(with_card_sets({{0}, {1, 2}}), {1, 2});
    service_template runtime;
    runtime.name = "runtime";
    runtime.command = {"./main", "--devices", "{devices}"};
    runtime.url = "http://127.0.0.1:{port}";
    model.runtime.services = {runtime};
    const auto expanded = expand_service(model, runtime, {{"runtime", std::uint16_t{8000}}});
    ASSERT_TRUE(expanded) << expanded.error().message;
    EXPECT_THAT(expanded->command, ElementsAre("./main", "--devices", "1,2"));
}

TEST(placement, what_only_decides_when_and_where_starts_the_same_processes) {
    const auto model = with_card_sets({{0}});
    auto other = with_card_sets({{1}, {0}});
    other.instances = 2;
    other.pinned = true;
    other.preload = false;
    other.keep_alive = core::seconds{5};
    other.aliases = {"q:latest"};
    other.size_bytes = 7;
    EXPECT_TRUE(same_processes(model, entry_at(other, {0})));
    other.variables["layers"] = "36";
    EXPECT_FALSE(same_processes(model, other));
    auto persona = model;
    persona.default_system = "Be kind.";
    EXPECT_FALSE(same_processes(model, persona)) << "a person who changes a model sees it started anew";
}

}  // namespace
}  // namespace corral::catalog
