// The model list and embeddings (docs/facts/ollama_wire.md#openai-models).

#include <cstring>

#include "corral/core/base64.hpp"
#include "openai_fixture.hpp"

namespace corral::api::openai {
namespace {

class openai_models : public test::openai_test {
protected:
    // Times are whole seconds since the epoch.
    void serve(std::vector<std::pair<std::string, int>> all) {
        for (const auto& [name, seconds] : all) {
            generation::served_model one{&backend.entry, &backend};
            one.name = name;
            one.modified = std::chrono::system_clock::time_point(std::chrono::seconds(seconds));
            models.put(one);
        }
    }
    // With what agents look for: the window by its three names, what it can, and whether it is loaded.
    static std::string listed(
        const std::string& id, int created, const std::string& owner,
        const std::string& more = R"("context_length":4096,"max_model_len":4096,"meta":{"n_ctx":4096},)") {
        return R"({"id":")" + id + R"(","object":"model","created":)" + std::to_string(created) +
               R"(,"owned_by":")" + owner + R"(",)" + more +
               R"("capabilities":["completion"],"loaded":true})";
    }
    std::string get(const std::string& path) {
        const auto got = ask("GET", path);
        return std::to_string(got->answer.status) + " " + got->answer.content_type + " " + got->answer.body;
    }
};

TEST_F(openai_models, the_newest_comes_first) {
    serve({{"tiny:latest", 10}, {"me/other:1b", 30}, {"hf.co/org/repo:q4", 20}});
    EXPECT_EQ(get("/v1/models"), R"(200 application/json {"object":"list","data":[)" +
                                     listed("me/other:1b", 30, "me") + "," +
                                     listed("hf.co/org/repo:q4", 20, "org") + "," +
                                     listed("tiny:latest", 10, "library") + "]}\n");
}

TEST_F(openai_models, no_models_are_an_empty_list) {
    models.remove("tiny");
    EXPECT_EQ(get("/v1/models"), "200 application/json {\"object\":\"list\",\"data\":[]}\n");
}

TEST_F(openai_models, a_box_without_any_says_how_to_get_one) {
    models.remove("tiny");
    EXPECT_EQ(get("/v1/models/gone"), "404 application/json " +
                                          envelope("not_found_error",
                                                   "model 'gone:latest' not found: this server has no model "
                                                   "yet; 'corral pull NAME' or 'corral import DIR' "
                                                   "on its box adds one") +
                                          "\n");
}

TEST_F(openai_models, one_by_its_name_as_typed) {
    serve({{"tiny:latest", 10}, {"me/other:1b", 30}});
    for (const char* typed : {"tiny", "TINY:latest"}) {
        EXPECT_EQ(get("/v1/models/" + std::string(typed)),
                  "200 application/json " + listed(typed, 10, "library") + "\n");
    }
    EXPECT_EQ(get("/v1/models/gone"),
              "404 application/json " + envelope("not_found_error", "model 'gone:latest' not found") + "\n");
    EXPECT_EQ(get("/v1/models/a b"),
              "400 application/json " + envelope("invalid_request_error", "invalid model name") + "\n");
    EXPECT_EQ(get("/v1/models/me/other:1b"), "404 text/plain 404 page not found");
    EXPECT_EQ(ask("HEAD", "/v1/models")->answer.status, 405U);
}

TEST_F(openai_models, a_window_that_nobody_knows_is_not_told_and_what_sleeps_is_not_loaded) {
    serve({{"tiny:latest", 10}});
    backend.context = 0;
    EXPECT_EQ(get("/v1/models/tiny"), "200 application/json " + listed("tiny", 10, "library", "") + "\n");
    backend.set(engine::availability_state::stopped);
    EXPECT_NE(get("/v1/models/tiny").find(R"("loaded":false)"), std::string::npos);
}

TEST_F(openai_models, a_prompt_that_may_not_fill_the_window_is_told) {
    serve({{"tiny:latest", 10}});
    backend.shown.prompt_limit = 1920;
    EXPECT_NE(get("/v1/models/tiny").find(R"("meta":{"n_ctx":4096},"max_input_tokens":1920,"capabilities")"),
              std::string::npos);
}

TEST_F(openai_models, embeddings_as_numbers) {
    can_embed({{3, 4}, {0, -2}});
    EXPECT_EQ(
        refusal("/v1/embeddings", R"({"model":"Tiny","input":["a","b"],"encoding_format":"float"})"),
        R"(200 application/json {"object":"list","data":[{"object":"embedding","embedding":[0.6,0.8],"index":0},{"object":"embedding","embedding":[0,-1],"index":1}],"model":"Tiny","usage":{"prompt_tokens":5,"total_tokens":5}})"
        "\n");
    EXPECT_EQ(backend.embedded, (std::vector<std::string>{"a", "b"}));
    can_embed({{3, 4, 12}});
    const auto cut = ask("POST", "/v1/embeddings", R"({"model":"tiny","input":"","dimensions":2})");
    EXPECT_NE(cut->answer.body.find("[0.6,0.8]"), std::string::npos) << cut->answer.body;
    EXPECT_EQ(backend.embedded, std::vector<std::string>{""});
}

TEST_F(openai_models, embeddings_as_bytes) {
    can_embed({{3, 4}});
    const auto got =
        ask("POST", "/v1/embeddings", R"({"model":"tiny","input":"x","encoding_format":"base64"})");
    const auto tree = nlohmann::json::parse(got->answer.body);
    const float wanted[2] = {0.6F, 0.8F};
    std::string bytes(sizeof wanted, '\0');
    std::memcpy(bytes.data(), wanted, sizeof wanted);
    EXPECT_EQ(tree["data"][0]["embedding"], core::to_base64(bytes));
    EXPECT_EQ(core::to_base64(bytes), "mpkZP83MTD8=");
}

TEST_F(openai_models, embeddings_that_can_not_be) {
    const std::string path = "/v1/embeddings";
    for (const char* body :
         {R"({"model":"gone"})", R"({"model":"gone","input":null})", R"({"model":"gone","input":[]})"}) {
        EXPECT_EQ(refusal(path, body), rejected("invalid input")) << body;
    }
    EXPECT_EQ(refusal(path, R"({"model":"gone","encoding_format":"hex"})"),
              rejected("Invalid value for 'encoding_format' = hex. Supported values: ['float', 'base64']."));
    for (const char* input : {"[1,2]", "[[1,2]]", R"(["a",1])", "7", "{}", R"({"a":"b"})"}) {
        EXPECT_EQ(refusal(path, std::string(R"({"model":"gone","input":)") + input + "}"),
                  refused(400, "invalid input type"))
            << input;
    }
    EXPECT_EQ(refusal(path, R"({"input":"x"})"), refused(404, "model '' not found"));
    EXPECT_EQ(refusal(path, R"({"model":"gone","input":"x"})"),
              refused(404, R"(model "gone" not found, try pulling it first)"));
    const std::string chat_only = refusal(path, R"({"model":"tiny","input":"x"})");
    EXPECT_TRUE(chat_only.starts_with("501 application/json "));
    EXPECT_NE(chat_only.find("does not support embeddings"), std::string::npos) << chat_only;
}

}  // namespace
}  // namespace corral::api::openai
