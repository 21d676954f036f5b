#include "cli/status/model_page.hpp"

#include <gmock/gmock.h>

#include "cli/status/model_listing.hpp"
#include "config/configuration_fixture.hpp"

namespace corral::cli {
namespace {

using json = nlohmann::ordered_json;
using testing::HasSubstr;
using testing::Not;

class model_pages : public config::configuration_file {
protected:
    config::configuration read(const std::string& text) {
        auto out = load(text);
        EXPECT_TRUE(out.value) << complaints(text);
        return out.value ? *out.value : config::configuration{};
    }
};

TEST_F(model_pages, show_all_that_is_known_but_no_secret) {
    const auto settings = read(
        config::model_text +
        "aliases = [\"q\"]\n[models.services.runtime]\nport = 0\n"
        "command = [\"./run me\", \"{port}\", \"{layers}\", \"{tokenizer_url}\", \"--pwd\", \"abc\"]\n"
        "environment = { HF_TOKEN = \"abc\", MYKEY = \"abc\", MORE = \"--pwd abc\", PLAIN = \"shown\" }\n");
    const json facts =
        model_facts(settings.models.front(), json{{"state", "ready"}, {"reason", ""}}, nullptr);
    EXPECT_EQ(facts["state"], "ready");
    EXPECT_EQ(facts["architecture"], "qwen3");
    EXPECT_THAT(facts["stop"], testing::Not(testing::IsEmpty()));
    EXPECT_EQ(facts["services"][1]["command"],
              json({"./run me", "0", "36", "http://127.0.0.1:0", "--pwd", "(left out)"}));
    EXPECT_TRUE(facts["services"][1]["port"].is_null());
    const std::string page = model_page(facts, {});
    EXPECT_THAT(page, HasSubstr("'./run me' 0 36 http://127.0.0.1:0"));
    EXPECT_THAT(page, HasSubstr("PLAIN=shown"));
    EXPECT_THAT(page, Not(HasSubstr("abc")));
    EXPECT_THAT(page, HasSubstr((folder_.path() / "c.toml").string()));
    EXPECT_THAT(page, HasSubstr("q:latest"));
    EXPECT_THAT(model_page(model_facts(settings.models.front(), nullptr, nullptr), {}),
                HasSubstr("no daemon answers"));
}

TEST_F(model_pages, list_files_and_daemon_together) {
    auto settings = read(config::model_text + "aliases = [\"q\"]\n");
    settings.left_out.push_back(
        {"/m/bad.toml", "bad:latest", {{"/m/bad.toml", 3, 1, core::reason::unlisted("no")}}});
    settings.left_out.push_back({"/m/kept.toml", "", {{"/m/kept.toml", 1, 1, core::reason::unlisted("no")}}});
    const auto alone = list_models(settings, nullptr);
    ASSERT_EQ(alone.size(), 3U);
    EXPECT_EQ(alone[0].state, "");
    EXPECT_EQ(alone[1].state, "left out");
    EXPECT_EQ(alone[2].name, "kept.toml");
    const json status = json::parse(R"({"models":[{"name":"gone:latest","state":"ready"},7,
        {"name":"kept:latest","state":"loading","source":"/m/kept.toml"}]})");
    const auto both = list_models(settings, status);
    ASSERT_EQ(both.size(), 4U);
    EXPECT_EQ(both[0].state, "new");
    EXPECT_EQ(both[1].state, "left out");
    EXPECT_EQ(both[2].name + " " + both[2].state, "kept:latest loading");
    EXPECT_THAT(both[2].note, HasSubstr("as it was before"));
    EXPECT_THAT(both[3].note, HasSubstr("no file says it any more"));
    const std::string text = listing_text(both, {});
    EXPECT_THAT(text, HasSubstr("NAME "));
    EXPECT_THAT(text, HasSubstr("Qwen3:4b, q:latest  new"));
    EXPECT_EQ(listing_json(both)[1]["state"], "left out");
}

TEST_F(model_pages, list_a_model_that_shares_the_processes_of_another_as_served) {
    auto settings = read(config::model_text);
    settings.models.push_back(settings.models.front());
    settings.models.back().name = "twin:1b";
    const json status =
        json::parse(R"({"models":[{"name":"Qwen3:4b","state":"ready","also":["twin:1b","made:latest"]}]})");
    const auto listed = list_models(settings, status);
    ASSERT_EQ(listed.size(), 2U);
    EXPECT_EQ(listed[1].name + " " + listed[1].state + listed[1].note, "twin:1b ready");
    EXPECT_TRUE(serves(status["models"][0], "twin:1b"));
    EXPECT_FALSE(serves(status["models"][0], "other:1b"));
    const json running = json::parse(R"({"models":[{"name":"Qwen3:4b"},{"name":"twin:1b"}]})");
    const std::string text = loaded_text(listed, running, "twin", {}, {});
    EXPECT_EQ(text.find("twin:1b"), text.rfind("twin:1b")) << text;
}

TEST_F(model_pages, say_of_a_manifest_that_the_daemon_alone_leaves_out_why) {
    auto settings = read(config::model_text);
    settings.models.front().source = "/m/closed.toml";
    json status = json::parse(R"({"models":[],"left_out":[{"file":"/m/other.toml","problems":["no"]},
        {"file":"/m/closed.toml","problems":["/m/closed.toml: Permission denied"]}]})");
    const auto listed = list_models(settings, status);
    ASSERT_EQ(listed.size(), 1U);
    EXPECT_EQ(listed[0].state, "left out");
    EXPECT_EQ(listed[0].note, "/m/closed.toml: Permission denied");
    status["models"].push_back({{"name", "Qwen3:4b"}, {"state", "ready"}, {"source", "/m/closed.toml"}});
    const auto kept = list_models(settings, status);
    EXPECT_EQ(kept.at(0).state, "ready");
    EXPECT_THAT(kept.at(0).note, HasSubstr("as it was before"));
    status["left_out"][1]["problems"] = 7;
    EXPECT_THAT(left_out_there(status, "/m/closed.toml"), HasSubstr("corral status"));
    EXPECT_EQ(left_out_there(status, "/m/none.toml"), "");
}

TEST_F(model_pages, show_a_model_with_instances_as_one) {
    const auto settings = read(config::model_text);
    const json status =
        json::parse(R"({"models":[{"name":"Qwen3:4b","state":"ready","learned":{"positions":4096},
        "instances":[{"name":"Qwen3:4b@0","state":"ready","reason":"","memory":{"mb":2818,"measured":true}},
                     {"name":"Qwen3:4b@1","state":"broken","reason":"the card is lost"}]}]})");
    const auto listed = list_models(settings, status);
    ASSERT_EQ(listed.size(), 1U);
    EXPECT_EQ(listed[0].state + listed[0].note, "ready");
    EXPECT_THAT(listing_text(listed, {}), HasSubstr("Qwen3:4b  ready @0  "));
    EXPECT_EQ(listing_json(listed)[0]["instances"][1]["state"], "broken");
    const std::string page =
        model_page(model_facts(settings.models.front(), status["models"][0], nullptr), {});
    EXPECT_EQ(
        model_facts(settings.models.front(), status["models"][0], nullptr)["learned"]["positions"].dump(),
        "4096");
    EXPECT_THAT(page, HasSubstr("state          ready\n"));
    EXPECT_THAT(page, HasSubstr("Qwen3:4b@1 broken: the card is lost\n"));
    EXPECT_THAT(page, HasSubstr("takes 2818 MB of its cards"));
}

TEST_F(model_pages, are_padded_by_columns) {
    std::vector<listed_model> both(2);
    both[0].name = "\xC3\xBC";
    both[0].state = both[1].state = "ready";
    both[1].name = "u";
    const std::string text = listing_text(both, {});
    EXPECT_THAT(text, HasSubstr("\xC3\xBC     ready"));
    EXPECT_THAT(text, HasSubstr("u     ready"));
}

TEST_F(model_pages, suggest_the_nearest_name) {
    const auto settings = read(config::model_text + "aliases = [\"quick\"]\n");
    EXPECT_THAT(no_such_model(settings, "qwen3:4"), HasSubstr("did you mean 'Qwen3:4b'?"));
    EXPECT_THAT(no_such_model(settings, "quik"), HasSubstr("did you mean 'quick:latest'?"));
    EXPECT_THAT(no_such_model(settings, "something-else"),
                HasSubstr("choose one of these: Qwen3:4b, quick:latest"));
    EXPECT_THAT(no_such_model(settings, "a b"), HasSubstr("is not a model name"));
    EXPECT_THAT(no_such_model({}, "x"), HasSubstr("corral pull NAME"));
    config::configuration damaged;
    damaged.left_out.push_back({"/etc/models.d/sim.toml", "sim:latest", {}});
    EXPECT_THAT(
        no_such_model(damaged, "Sim"),
        HasSubstr("model 'Sim' is left out, because its manifest /etc/models.d/sim.toml has a mistake"));
    EXPECT_THAT(no_such_model(damaged, "simm"), HasSubstr("did you mean 'sim:latest'?"));
}

TEST(size_text, is_written_as_ollama_does) {
    EXPECT_EQ(size_text(0), "-");
    EXPECT_EQ(size_text(999), "999 B");
    EXPECT_EQ(size_text(1500), "1.5 KB");
    EXPECT_EQ(size_text(3'920'000'000), "3.9 GB");
    EXPECT_EQ(size_text(4'000'000'000), "4 GB");
    EXPECT_EQ(size_text(42'900'000'000), "42 GB");
}

}  // namespace
}  // namespace corral::cli
