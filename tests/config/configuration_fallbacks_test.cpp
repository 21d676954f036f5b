// [[models.fallbacks]]: what is read, what is taken from the model, and what is refused.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/configuration_fixture.hpp"
#include "corral/catalog/placement.hpp"

namespace corral::config {
namespace {

using testing::HasSubstr;

const std::string fallback_text = R"([[models.fallbacks]]
profile = "small"
package = "package"
variables = { layers = 12 }
[models.fallbacks.services.runtime]
port = 8001
command = ["./other", "{layers}"]
)";

class configuration_fallbacks : public configuration_file {
protected:
    // The one complaint about `text`.
    std::string complaint(const std::string& text) {
        const auto read = load(text);
        EXPECT_EQ(read.errors.size(), 1U);
        return read.errors.empty() ? std::string() : read.errors.front().message;
    }
    catalog::model_entry good(const std::string& text) {
        auto read = load(text);
        for (const auto& one : read.errors) {
            ADD_FAILURE() << catalog::to_text(one);
        }
        return read.value ? read.value->models.at(0) : catalog::model_entry{};
    }
};

TEST_F(configuration_fallbacks, have_the_name_of_the_model_and_their_place_in_the_order) {
    const std::string more = R"(aliases = ["four"]
failback_after = "5s"
default_system = "Be brief."
ahead_share = 0.5
renew_slow = "off"
[models.sampling]
temperature = 0.1
)" + fallback_text + R"(standby = "cold"
[[models.fallbacks]]
profile = "small"
package = "package"
family = "chatml"
variables = { layers = 1 }
sampling = { temperature = 0.5 }
services = { runtime = { port = 8002, command = ["./other", "{layers}"] } }
)";
    std::string text = model_text + more;
    // Keys of the fallback stand before its tables.
    text.replace(text.find("standby"), 17, "");
    text.replace(text.find("variables = { layers = 12 }"), 27,
                 "variables = { layers = 12 }\nstandby = \"cold\"");
    const auto model = good(text);
    ASSERT_EQ(model.fallbacks.size(), 2U);
    EXPECT_EQ(model.failback_after, core::seconds{5});
    EXPECT_EQ(model.tier, 0U);
    const auto& first = model.fallbacks[0];
    EXPECT_EQ(first.name, model.name);
    EXPECT_EQ(first.aliases, model.aliases);
    EXPECT_EQ(first.tier, 1U);
    EXPECT_EQ(first.family, "qwen3");
    EXPECT_EQ(first.default_system, "Be brief.");
    EXPECT_EQ(first.ahead_share, 0.5);
    EXPECT_FALSE(first.renews_slow);
    EXPECT_EQ(first.sampling.temperature, 0.1);
    EXPECT_EQ(first.variables.at("layers"), "12");
    EXPECT_FALSE(first.preload);
    EXPECT_TRUE(first.fallbacks.empty());
    const auto& second = model.fallbacks[1];
    EXPECT_EQ(second.tier, 2U);
    EXPECT_EQ(second.family, "chatml");
    EXPECT_EQ(second.sampling.temperature, 0.5);
    EXPECT_TRUE(second.preload);
    const auto places = catalog::places_of(model);
    ASSERT_EQ(places.size(), 3U);
    EXPECT_EQ(catalog::label_of(places[0]), model.name);
    EXPECT_EQ(catalog::label_of(places[2]), model.name + "@fallback2");
}

TEST_F(configuration_fallbacks, with_a_mistake_are_named_by_key_and_place) {
    EXPECT_THAT(complaint(model_text + fallback_text + "[[models.fallbacks]]\npackage = \"package\"\n"),
                HasSubstr("profile"));
    EXPECT_THAT(complaint(model_text + "[[models.fallbacks]]\npinned = true\nprofile = \"small\"\npackage = "
                                       "\"package\"\nvariables = { layers = 1 }\nservices = { runtime = { "
                                       "port = 1, command = [\"./other\", \"{layers}\"] } }\n"),
                HasSubstr("pinned"));
    EXPECT_THAT(complaint(model_text + "[[models.fallbacks]]\nprofile = \"smal\"\npackage = \"package\"\n"),
                HasSubstr("did you mean 'small'"));
    EXPECT_THAT(complaint(model_text + "failback_after = \"5s\"\n"), HasSubstr("'fallbacks'"));
}

TEST_F(configuration_fallbacks, must_not_take_the_port_of_their_own_model) {
    std::string text = fallback_text;
    text.replace(text.find("8001"), 4, "8000\nguard = \"off\"");
    EXPECT_THAT(complaint(model_text + "[models.services.runtime]\nguard = \"off\"\n" + text),
                HasSubstr("wants port 8000"));
}

TEST_F(configuration_fallbacks, need_the_variables_that_their_own_commands_use) {
    std::string text = fallback_text;
    text.replace(text.find("variables = { layers = 12 }"), 27, "");
    EXPECT_THAT(complaint(model_text + text), HasSubstr("needs the variable 'layers'"));
}

TEST(label_of, tells_tier_and_place) {
    catalog::model_entry model;
    model.name = "m:1b";
    model.tier = 2;
    EXPECT_EQ(catalog::label_of(model), "m:1b@fallback2");
    model.card_sets = {{0}, {1, 2}};
    model.cards = {1, 2};
    EXPECT_EQ(catalog::label_of(model), "m:1b@fallback2:1,2");
}

}  // namespace
}  // namespace corral::config
