#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/configuration_fixture.hpp"

namespace corral::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class configuration_cards : public configuration_file {
protected:
    // A model whose runtime is told its cards, with further lines.
    static std::string told(const std::string& lines) {
        return model_text + lines +
               "\n[models.services.runtime]\nport = 0\ncommand = [\"./run\", \"{port}\", \"{layers}\", "
               "\"{devices}\"]\n";
    }
    catalog::model_entry model(const std::string& text) {
        const auto read = load(text);
        EXPECT_TRUE(read.value) << complaints(text);
        return read.value ? read.value->models.at(0) : catalog::model_entry{};
    }
};

TEST_F(configuration_cards, a_model_runs_once_on_the_card_of_its_device) {
    const auto one = model(model_text);
    EXPECT_THAT(one.card_sets, ElementsAre(catalog::card_set{0}));
    EXPECT_EQ(one.instances, 1U);
    EXPECT_TRUE(one.preload);
    EXPECT_FALSE(one.pinned);
    EXPECT_FALSE(one.keep_alive);
    EXPECT_THAT(model(model_text + "[models.device]\ncard = 2\n").card_sets,
                ElementsAre(catalog::card_set{2}));
}

TEST_F(configuration_cards, places_are_numbers_or_lists_of_numbers) {
    const auto one = model(told("cards = [0, \"1\", \"2,3\"]\ninstances = 2"));
    EXPECT_THAT(one.card_sets,
                ElementsAre(catalog::card_set{0}, catalog::card_set{1}, catalog::card_set{2, 3}));
    EXPECT_EQ(one.instances, 2U);
    EXPECT_THAT(one.cards, ElementsAre(0U));
    EXPECT_EQ(model(told("cards = [3]")).runtime.device.card, 3U);
}

TEST_F(configuration_cards, what_makes_no_sense_is_named_with_its_place) {
    const std::vector<std::pair<std::string, std::string>> table{
        {"cards = [\"0,\"]", "'0,' is not a card set"},
        {"cards = [-1]", "'-1' is not a card set"},
        {"cards = [64]", "'64' is not a card set"},
        {"cards = [\"1,1\"]", "'1,1' is not a card set"},
        {"cards = [1, 1]", "'cards' names 1 twice"},
        {"cards = []", "'cards' must name at least one card"},
        {"cards = 1", "'cards' must be an array of strings or whole numbers"},
        {"cards = [0]\ninstances = 2", "'instances' is 2, but 'cards' names one place"},
        {"instances = 17", "'instances' must be between 1 and 16"},
        {"keep_alive = \"soon\"", "'soon' is not a keep-alive time"},
        {"pined = true", "did you mean 'pinned'"}};
    for (const auto& [lines, complaint] : table) {
        EXPECT_THAT(complaints(told(lines)), HasSubstr(complaint)) << lines;
    }
    EXPECT_THAT(complaints(told("cards = [0, 99]")), HasSubstr("c.toml:7:13: '99'"));
}

TEST_F(configuration_cards, several_places_want_a_command_and_a_port_that_differ) {
    const std::string text =
        complaints(model_text + "cards = [0, 1]\n[models.services.runtime]\nguard = \"off\"\n");
    EXPECT_THAT(text, HasSubstr("no service is told which: put {devices} into a command"));
    EXPECT_THAT(text, HasSubstr("its service 'runtime' has the one port 8000"));
}

TEST_F(configuration_cards, a_stay_is_read_as_elsewhere) {
    EXPECT_EQ(model(model_text + "keep_alive = \"5m\"\n").keep_alive, core::seconds{300});
    EXPECT_EQ(model(model_text + "keep_alive = 0\n").keep_alive, core::nanoseconds{0});
    EXPECT_LT(*model(model_text + "keep_alive = \"forever\"\n").keep_alive, core::nanoseconds{0});
}

TEST_F(configuration_cards, the_server_has_bounds_and_a_rule_of_swaps) {
    const auto read =
        load("max_loaded_models = 2\ncard_memory_mb = 7040\n[swap]\novertakes = 3\npatience = \"1s\"\n" +
             model_text);
    ASSERT_TRUE(read.value);
    EXPECT_EQ(read.value->max_loaded_models, 2U);
    EXPECT_EQ(read.value->card_memory_mb, 7040U);
    EXPECT_EQ(read.value->swap.overtakes, 3U);
    EXPECT_EQ(read.value->swap.patience, core::seconds{1});
    EXPECT_THAT(complaints("[swap]\npatience = \"9m\"\n" + model_text),
                HasSubstr("'patience_ceiling' must not be less than 'patience'"));
}

TEST_F(configuration_cards, ollamas_variable_counts_below_the_file) {
    set_environment({{"OLLAMA_MAX_LOADED_MODELS", " '3' "}});
    EXPECT_EQ(load(model_text).value->max_loaded_models, 3U);
    EXPECT_EQ(load("max_loaded_models = 1\n" + model_text).value->max_loaded_models, 1U);
    set_environment({{"OLLAMA_MAX_LOADED_MODELS", "many"}});
    const auto read = load(model_text);
    ASSERT_TRUE(read.value);
    EXPECT_EQ(read.value->max_loaded_models, 0U);
    EXPECT_THAT(catalog::to_text(read.warnings.at(0)), HasSubstr("'many' is not a number from 0 to 1024"));
}

}  // namespace
}  // namespace corral::config
