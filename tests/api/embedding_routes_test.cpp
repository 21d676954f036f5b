// Vectors of texts from runtimes that can, and the answer of those that can't
// (docs/facts/ollama_wire.md#embeddings).

#include "api_fixture.hpp"

namespace corral::api {
namespace {

class ollama_embedding : public test::api_test {
protected:
    std::string reply(const std::string& path, const std::string& body) {
        const auto got = ask("POST", path, body);
        return std::to_string(got->answer.status) + " " + test::without_times(got->answer.body);
    }
};

TEST_F(ollama_embedding, vectors_are_in_order_and_of_length_one) {
    can_embed({{3, 4}, {0, -2}});
    EXPECT_EQ(
        reply("/api/embed", R"({"model":"Tiny","input":["a","b"]})"),
        R"(200 {"model":"Tiny","embeddings":[[0.6,0.8],[0,-1]],"total_duration":1,"load_duration":1,"prompt_eval_count":5})");
    EXPECT_EQ(backend.embedded, (std::vector<std::string>{"a", "b"}));
    can_embed({{1, 0}});
    EXPECT_EQ(
        reply("/api/embed", R"({"model":"tiny","input":"x","truncate":false,"options":{"num_ctx":9}})"),
        R"(200 {"model":"tiny","embeddings":[[1,0]],"total_duration":1,"load_duration":1,"prompt_eval_count":5})");
    EXPECT_EQ(reply("/api/embed", R"({"model":"tiny","input":[""]})").substr(0, 3), "200");
    EXPECT_EQ(backend.embedded, (std::vector<std::string>{""}));
}

TEST_F(ollama_embedding, dimensions_cut_and_normalise_again) {
    can_embed({{3, 4, 12}});
    EXPECT_EQ(reply("/api/embed", R"({"model":"tiny","input":"x","dimensions":2})").substr(0, 46),
              R"(200 {"model":"tiny","embeddings":[[0.6,0.8]],")");
}

TEST_F(ollama_embedding, the_legacy_route_gives_the_runtime_s_numbers_wider) {
    can_embed({{0.6F, 8}});
    EXPECT_EQ(reply("/api/embeddings", R"({"model":"tiny","prompt":"x"})"),
              R"(200 {"embedding":[0.6000000238418579,8]})");
    EXPECT_FALSE(backend.embedded_whole.back().truncate);
}

TEST_F(ollama_embedding, nothing_to_embed_is_a_load) {
    const std::string none = R"(200 {"model":"tiny","embeddings":[]})";
    EXPECT_EQ(reply("/api/embed", R"({"model":"tiny"})"), none);
    EXPECT_EQ(reply("/api/embed", R"({"model":"tiny","input":""})"), none);
    EXPECT_EQ(reply("/api/embed", R"({"model":"tiny","input":[]})"), none);
    EXPECT_EQ(reply("/api/embeddings", R"({"model":"tiny","prompt":""})"), R"(200 {"embedding":[]})");
    backend.set(engine::availability_state::loading);
    const auto load = start("POST", "/api/embed", R"({"model":"tiny"})");
    EXPECT_FALSE(load->over);
    backend.set(engine::availability_state::broken, "no device");
    ASSERT_TRUE(test::run_until(io, [&] { return load->over; }));
    EXPECT_EQ(load->answer.status, 503U);
    EXPECT_EQ(
        load->answer.body,
        R"({"error":"The model does not start. Corral tries again by itself; ask again in about a minute. )"
        R"('corral status' tells its operator why."})");
}

TEST_F(ollama_embedding, errors) {
    const std::vector<std::pair<std::string, std::string>> embed{
        {R"({"input":"x"})", R"(404 {"error":"model '' not found"})"},
        {R"({"model":"none","input":"x"})",
         R"(404 {"error":"model \"none\" not found, try pulling it first"})"},
        {R"({"model":"tiny","input":[1]})", R"(400 {"error":"invalid input type"})"},
        {R"({"model":"tiny","input":{}})", R"(400 {"error":"invalid input type"})"},
        {R"({"model":"tiny","input":7})", R"(400 {"error":"invalid input type"})"},
        {R"({"model":"none","input":7})", R"(400 {"error":"invalid input type"})"},
        {R"({"model":"tiny","input":"x","options":{"num_ctx":"x"}})",
         R"(500 {"error":"option \"num_ctx\" must be of type integer"})"},
        {R"({"model":"none","input":"x","options":{"num_ctx":"x"}})",
         R"(404 {"error":"model \"none\" not found, try pulling it first"})"},
        {R"({"model":"tiny","input":"x","dimensions":"2"})",
         R"(400 {"error":"json: cannot unmarshal string into Go struct field EmbedRequest.dimensions of type int"})"},
        {R"({"model":"tiny","input":"x"})", R"(501 {"error":"this model does not support embeddings"})"},
        {"", R"(400 {"error":"missing request body"})"},
    };
    for (const auto& [body, wanted] : embed) {
        EXPECT_EQ(reply("/api/embed", body), wanted) << body;
    }
    const std::vector<std::pair<std::string, std::string>> legacy{
        {R"({"prompt":"x"})", R"(400 {"error":"model is required"})"},
        {R"({"model":"none","prompt":"x"})",
         R"(404 {"error":"model \"none\" not found, try pulling it first"})"},
        {R"({"model":"tiny","prompt":"x"})", R"(500 {"error":"this model does not support embeddings"})"},
        {R"({"model":"tiny","prompt":[]})",
         R"(400 {"error":"json: cannot unmarshal array into Go struct field EmbeddingRequest.prompt of type string"})"},
    };
    for (const auto& [body, wanted] : legacy) {
        EXPECT_EQ(reply("/api/embeddings", body), wanted) << body;
    }
}

TEST_F(ollama_embedding, unusable_vectors_are_an_error_and_zeros_stay_zeros) {
    can_embed({{0, 0}});
    EXPECT_EQ(reply("/api/embed", R"({"model":"tiny","input":"x"})").substr(0, 44),
              R"(200 {"model":"tiny","embeddings":[[0,0]],"to)");
    const std::string unusable =
        R"(500 {"error":"The model gave no usable vectors for these texts. Ask again; if it happens each time, tell the operator."})";
    can_embed({{1, 0}});
    EXPECT_EQ(reply("/api/embed", R"({"model":"tiny","input":["x","y"]})"), unusable);
    can_embed({{1, 0}, {1}});
    EXPECT_EQ(reply("/api/embed", R"({"model":"tiny","input":["x","y"]})"), unusable);
    can_embed({{}});
    EXPECT_EQ(reply("/api/embed", R"({"model":"tiny","input":"x"})"), unusable);
}

TEST_F(ollama_embedding, a_long_list_comes_in_batches_and_in_order) {
    can_embed({});
    backend.echoes_lengths = true;
    nlohmann::json body{{"model", "tiny"}, {"input", nlohmann::json::array()}};
    for (std::size_t i = 0; i < 70; ++i) {
        body["input"].push_back(std::string(i + 1, 'x'));
    }
    const auto got = ask("POST", "/api/embed", body.dump());
    ASSERT_EQ(got->answer.status, 200U) << got->answer.body;
    const auto tree = nlohmann::json::parse(got->answer.body);
    ASSERT_EQ(tree["embeddings"].size(), 70U);
    for (std::size_t i = 0; i < 70; ++i) {
        const double ratio = tree["embeddings"][i][0].get<double>() / tree["embeddings"][i][1].get<double>();
        EXPECT_NEAR(ratio, static_cast<double>(i + 1), 1e-3);
    }
    EXPECT_EQ(tree["prompt_eval_count"], 15);
    ASSERT_EQ(backend.embedded_whole.size(), 3U);
    EXPECT_EQ(backend.embedded_whole[0].texts.size(), 32U);
    EXPECT_EQ(backend.embedded_whole[2].texts.size(), 6U);
}

TEST_F(ollama_embedding, an_answer_beyond_all_bounds_is_refused_after_its_first_batch) {
    can_embed(std::vector<std::vector<float>>(32, std::vector<float>(65'536, 1.0F)));
    nlohmann::json body{{"model", "tiny"}, {"input", std::vector<std::string>(100, "x")}};
    EXPECT_EQ(
        reply("/api/embed", body.dump()),
        R"(400 {"error":"a request may hold at most 64 texts for this model, whose vectors have 65536 numbers"})");
    EXPECT_EQ(backend.embedded_whole.size(), 1U);
}

TEST_F(ollama_embedding, a_runtime_that_dies_is_asked_again_but_not_for_ever) {
    can_embed({{3, 4}});
    chat::failure died;
    died.kind = chat::failure_kind::runtime_failed;
    died.message = core::reason::unlisted("it died");
    died.retryable = true;
    backend.embedding_failures = {died};
    EXPECT_EQ(reply("/api/embed", R"({"model":"tiny","input":"x"})").substr(0, 3), "200");
    backend.embedding_failures = {died, died, died};
    EXPECT_EQ(reply("/api/embed", R"({"model":"tiny","input":"x"})"), R"(500 {"error":"it died"})");
    died.kind = chat::failure_kind::context_too_long;
    died.message = core::reason::unlisted("the input length exceeds the context length");
    backend.embedding_failures = {died};
    EXPECT_EQ(reply("/api/embed", R"({"model":"tiny","input":"x","truncate":false})"),
              R"(400 {"error":"the input length exceeds the context length"})");
    backend.embedding_failures = {died};
    EXPECT_EQ(reply("/api/embeddings", R"({"model":"tiny","prompt":"x"})"),
              R"(500 {"error":"the input length exceeds the context length"})");
}

TEST_F(ollama_embedding, nothing_is_asked_again_once_the_deadline_has_passed) {
    can_embed({{3, 4}});
    chat::failure died;
    died.kind = chat::failure_kind::runtime_failed;
    died.message = core::reason::unlisted("it died");
    died.retryable = true;
    backend.embedding_failures = {died};
    backend.embeds_for = core::milliseconds{600};
    const auto got =
        ask("POST", "/api/embed", R"({"model":"tiny","input":"x"})", {{"X-Request-Timeout", "0.5"}});
    EXPECT_EQ(got->answer.status, 500U);
    EXPECT_EQ(got->answer.body, R"({"error":"it died"})");
    EXPECT_EQ(backend.embedded_whole.size(), 1U);
}

TEST_F(ollama_embedding, a_model_for_embeddings_alone_answers_no_chat) {
    can_embed({{3, 4}});
    EXPECT_EQ(reply("/api/chat", R"({"model":"tiny","messages":[{"role":"user","content":"x"}]})"),
              R"(400 {"error":"\"tiny\" does not support chat"})");
    EXPECT_EQ(reply("/api/generate", R"({"model":"tiny","prompt":"x"})"),
              R"(400 {"error":"\"tiny\" does not support generate"})");
    const auto shown = ask("POST", "/api/show", R"({"model":"tiny"})");
    const auto tree = nlohmann::json::parse(shown->answer.body);
    EXPECT_EQ(tree["capabilities"], nlohmann::json::parse(R"(["embedding"])"));
    EXPECT_EQ(tree["template"], "{{ .Prompt }}");
}

}  // namespace
}  // namespace corral::api
