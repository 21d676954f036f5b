// Vectors of texts from runtimes that can, and the answer of those that can't
// (docs/facts/ollama_wire.md#embeddings).

#include "api_fixture.hpp"

namespace corral::api {
namespace {

class ollama_embedding : public test::api_test {
protected:
    void can_embed(std::vector<std::vector<float>> vectors) {
        backend.embeds = true;
        backend.vectors = std::move(vectors);
    }
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

TEST_F(ollama_embedding, the_legacy_route_prints_the_same_numbers_wider) {
    can_embed({{3, 4}});
    EXPECT_EQ(reply("/api/embeddings", R"({"model":"tiny","prompt":"x"})"),
              R"(200 {"embedding":[0.6000000238418579,0.800000011920929]})");
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
    EXPECT_EQ(load->answer.body, R"({"error":"no device"})");
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
        {R"({"model":"tiny","input":"x"})", R"(400 {"error":"\"tiny:latest\" does not support embeddings"})"},
        {"", R"(400 {"error":"missing request body"})"},
    };
    for (const auto& [body, wanted] : embed) {
        EXPECT_EQ(reply("/api/embed", body), wanted) << body;
    }
    const std::vector<std::pair<std::string, std::string>> legacy{
        {R"({"prompt":"x"})", R"(400 {"error":"model is required"})"},
        {R"({"model":"none","prompt":"x"})",
         R"(404 {"error":"model \"none\" not found, try pulling it first"})"},
        {R"({"model":"tiny","prompt":"x"})",
         R"(400 {"error":"\"tiny:latest\" does not support embeddings"})"},
        {R"({"model":"tiny","prompt":[]})",
         R"(400 {"error":"json: cannot unmarshal array into Go struct field EmbeddingRequest.prompt of type string"})"},
    };
    for (const auto& [body, wanted] : legacy) {
        EXPECT_EQ(reply("/api/embeddings", body), wanted) << body;
    }
}

TEST_F(ollama_embedding, unusable_vectors_are_an_error) {
    can_embed({{0, 0}});
    EXPECT_EQ(reply("/api/embed", R"({"model":"tiny","input":"x"})"),
              R"(500 {"error":"the runtime gave vectors that are not usable"})");
    can_embed({{1, 0}});
    EXPECT_EQ(reply("/api/embed", R"({"model":"tiny","input":["x","y"]})"),
              R"(500 {"error":"the runtime gave vectors that are not usable"})");
}

}  // namespace
}  // namespace corral::api
