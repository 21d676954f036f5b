// What the server says of itself and its models (docs/facts/ollama_wire.md#listings).

#include <algorithm>

#include "api_fixture.hpp"
#include "catalog/temporary_folder.hpp"
#include "corral/version.hpp"
#include "package/gguf_bytes.hpp"

namespace corral::api {
namespace {

class ollama_listing : public test::api_test {
protected:
    ollama_listing() {
        catalog::model_entry& entry = backend.entry;
        entry.name = "qwen3:4b";
        entry.family = "qwen3";
        entry.runtime.name = "ax650";
        entry.capabilities = {"completion", "thinking"};
        entry.parameter_size = "4.0B";
        entry.quantization = "w8a16";
        entry.size_bytes = 2497293931;
        entry.digest = "359d7dd4bcdab3d86b87d73ac27966f4dbb9f5efdfcc75d34a8764a09474fae7";
        entry.modified = std::chrono::system_clock::time_point(std::chrono::seconds(1787338102));
        list_again();
        build();
    }
    // The directory takes names and digests over when it is made.
    void list_again() { models = generation::model_directory({{&backend.entry, &backend}}); }
};

TEST_F(ollama_listing, root_is_exact) {
    for (const char* method : {"GET", "HEAD"}) {
        const auto got = ask(method, "/");
        EXPECT_EQ(got->answer.status, 200U);
        EXPECT_EQ(got->answer.content_type, "text/plain; charset=utf-8");
        EXPECT_EQ(got->answer.body, "Ollama is running");
    }
}

TEST_F(ollama_listing, version_is_dotted_digits_and_ours_is_a_header) {
    const auto got = ask("GET", "/api/version");
    EXPECT_EQ(got->answer.body, R"({"version":"0.34.4"})");
    EXPECT_EQ(got->answer.content_type, "application/json; charset=utf-8");
    EXPECT_EQ(got->answer.headers.find("Corral-Version"), corral::version);
    EXPECT_EQ(ask("HEAD", "/api/version")->answer.status, 200U);
}

TEST_F(ollama_listing, tags_have_every_field_in_order) {
    EXPECT_EQ(test::without_times(ask("GET", "/api/tags")->answer.body),
              R"({"models":[{"name":"qwen3:4b","model":"qwen3:4b","modified_at":"T","size":2497293931,)"
              R"("digest":"359d7dd4bcdab3d86b87d73ac27966f4dbb9f5efdfcc75d34a8764a09474fae7",)"
              R"("details":{"parent_model":"","format":"ax650","family":"qwen3","families":["qwen3"],)"
              R"("parameter_size":"4.0B","quantization_level":"w8a16","context_length":4096},)"
              R"("capabilities":["completion","thinking"]}]})");
}

// As Ollama 0.33 has it (docs/facts/ollama_wire.md#listings): in the list among the details, in show beside
// the context.
TEST_F(ollama_listing, the_length_of_vectors_is_told_where_it_is_known) {
    EXPECT_EQ(ask("GET", "/api/tags")->answer.body.find("embedding_length"), std::string::npos);
    catalog::variable_spec embedding;
    embedding.bytes = {"vocabulary", "width", "2"};
    backend.entry.runtime.variables.push_back(embedding);
    backend.entry.variables["width"] = "2560";
    list_again();
    const auto tags = nlohmann::json::parse(ask("GET", "/api/tags")->answer.body);
    EXPECT_EQ(tags["models"][0]["details"]["embedding_length"], 2560);
    const auto shown =
        nlohmann::json::parse(ask("POST", "/api/show", R"({"model":"qwen3:4b"})")->answer.body);
    EXPECT_EQ(shown["model_info"]["qwen3.embedding_length"], 2560);
    EXPECT_FALSE(shown["details"].contains("embedding_length"));
    for (const char* odd : {"", "wide", "-1", "99999999999"}) {
        backend.entry.variables["width"] = odd;
        list_again();
        EXPECT_EQ(ask("GET", "/api/tags")->answer.body.find("embedding_length"), std::string::npos) << odd;
    }
}

TEST_F(ollama_listing, an_unknown_context_is_left_out_and_a_short_digest_filled) {
    backend.context = 0;
    backend.entry.digest = "abc";
    list_again();
    const std::string body = ask("GET", "/api/tags")->answer.body;
    EXPECT_EQ(body.find("context_length"), std::string::npos);
    const auto tree = nlohmann::json::parse(body);
    EXPECT_EQ(tree["models"][0]["digest"].get<std::string>().size(), 64U);
}

TEST_F(ollama_listing, tags_are_sorted_newest_first) {
    test::fake_backend newer(io, "newer:latest");
    newer.entry.modified = backend.entry.modified + std::chrono::hours(1);
    models = generation::model_directory({{&backend.entry, &backend}, {&newer.entry, &newer}});
    const auto tree = nlohmann::json::parse(ask("GET", "/api/tags")->answer.body);
    EXPECT_EQ(tree["models"][0]["name"], "newer:latest");
    EXPECT_EQ(tree["models"][1]["name"], "qwen3:4b");
}

TEST_F(ollama_listing, an_empty_server_lists_empty_arrays) {
    models = generation::model_directory({});
    EXPECT_EQ(ask("GET", "/api/tags")->answer.body, R"({"models":[]})");
    EXPECT_EQ(ask("GET", "/api/ps")->answer.body, R"({"models":[]})");
    EXPECT_EQ(ask("GET", "/readyz")->answer.status, 503U);
}

TEST_F(ollama_listing, a_model_that_computes_on_the_processors_has_nothing_on_the_accelerator) {
    backend.entry.runtime.services.assign(1, {});
    const auto cpu = nlohmann::json::parse(ask("GET", "/api/ps")->answer.body)["models"][0];
    EXPECT_EQ(cpu["size_vram"], 0);
    EXPECT_GT(cpu["size"], 0);
    backend.entry.runtime.services.back().device = true;
    const auto npu = nlohmann::json::parse(ask("GET", "/api/ps")->answer.body)["models"][0];
    EXPECT_EQ(npu["size_vram"], npu["size"]);
}

TEST_F(ollama_listing, ps_lists_loaded_and_loading_models) {
    EXPECT_EQ(test::without_times(ask("GET", "/api/ps")->answer.body),
              R"({"models":[{"name":"qwen3:4b","model":"qwen3:4b","size":2497293931,)"
              R"("digest":"359d7dd4bcdab3d86b87d73ac27966f4dbb9f5efdfcc75d34a8764a09474fae7",)"
              R"("details":{"parent_model":"","format":"ax650","family":"qwen3","families":["qwen3"],)"
              R"("parameter_size":"4.0B","quantization_level":"w8a16"},)"
              R"("expires_at":"T","size_vram":2497293931,"context_length":4096}]})");
    backend.set(engine::availability_state::loading);
    EXPECT_NE(ask("GET", "/api/ps")->answer.body, R"({"models":[]})");
    backend.set(engine::availability_state::broken, "x");
    EXPECT_EQ(ask("GET", "/api/ps")->answer.body, R"({"models":[]})");
}

TEST_F(ollama_listing, ps_tells_when_a_model_leaves_also_while_it_answers) {
    const auto year = [&] {
        const auto tree = nlohmann::json::parse(ask("GET", "/api/ps")->answer.body);
        return std::stoi(tree["models"].at(0)["expires_at"].get<std::string>());
    };
    EXPECT_GT(year(), 2200);
    backend.otherwise.gate_before_text = true;
    const auto got =
        start("POST", "/api/generate", R"({"model":"qwen3:4b","prompt":"Hi","keep_alive":"5m"})");
    ASSERT_TRUE(test::run_until(io, [&] { return backend.running == 1; }));
    EXPECT_LT(year(), 2200);
    backend.otherwise.gate_before_text = false;
    backend.open_gates();
    ASSERT_TRUE(test::run_until(io, [&] { return got->over; }));
    EXPECT_LT(year(), 2200);
}

TEST_F(ollama_listing, show_has_what_clients_need) {
    backend.entry.default_system = "You are <kind>.";
    for (const char* body :
         {R"({"model":"qwen3:4b"})", R"({"name":"QWEN3:4B","verbose":true})", R"({"Model":" qwen3:4b "})"}) {
        const auto got = ask("POST", "/api/show", body);
        ASSERT_EQ(got->answer.status, 200U) << got->answer.body;
        const auto tree = nlohmann::ordered_json::parse(got->answer.body);
        std::string keys;
        for (const auto& [key, value] : tree.items()) {
            keys += key + " ";
        }
        EXPECT_EQ(
            keys,
            "license modelfile parameters template system details model_info capabilities modified_at ");
        EXPECT_EQ(tree["license"], "") << "none is known, and the command shows none then";
        EXPECT_EQ(tree["details"]["family"], "qwen3");
        EXPECT_EQ(tree["model_info"]["general.architecture"], "qwen3");
        EXPECT_EQ(tree["model_info"]["general.basename"], "qwen3");
        EXPECT_EQ(tree["model_info"]["general.parameter_count"], 4'000'000'000U);
        EXPECT_EQ(tree["model_info"]["qwen3.context_length"], 4096);
        EXPECT_EQ(tree["capabilities"], nlohmann::ordered_json::parse(R"(["completion","thinking"])"));
        EXPECT_EQ(tree["system"], "You are <kind>.");
        EXPECT_NE(tree["template"].get<std::string>().find("<|im_start|>"), std::string::npos);
        EXPECT_NE(tree["parameters"].get<std::string>().find("stop                           \"<|im_end|>\""),
                  std::string::npos)
            << tree["parameters"];
        EXPECT_EQ(tree["details"]["parent_model"], "");
        EXPECT_NE(got->answer.body.find(R"(You are \u003ckind\u003e.)"), std::string::npos);
        EXPECT_EQ(tree["parameters"].get<std::string>().find("temperature"), std::string::npos)
            << "what every model has";
        EXPECT_FALSE(tree["details"].contains("context_length"));
    }
}

TEST_F(ollama_listing, show_tells_only_what_is_known) {
    backend.entry.parameter_size.clear();
    backend.context = 0;
    EXPECT_EQ(
        nlohmann::json::parse(ask("POST", "/api/show", R"({"model":"qwen3:4b"})")->answer.body)["model_info"]
            .dump(),
        R"({"general.architecture":"qwen3","general.basename":"qwen3","general.type":"model"})");
    backend.entry.context.positions = 2560;
    backend.entry.context.vocabulary = 151936;
    const auto info =
        nlohmann::json::parse(ask("POST", "/api/show", R"({"model":"qwen3:4b"})")->answer.body)["model_info"];
    EXPECT_EQ(info["qwen3.context_length"], 2560);
    EXPECT_EQ(info["qwen3.vocab_size"], 151936);
}

TEST_F(ollama_listing, show_tells_what_the_file_or_the_server_of_the_model_says) {
    backend.entry.sampling.temperature = 0.6;
    backend.says.facts = std::make_shared<engine::model_facts>(
        engine::model_facts{nlohmann::json{{"general.architecture", "qwen2"},
                                           {"general.basename", "Theirs"},
                                           {"general.parameter_count", 4'022'468'096},
                                           {"qwen2.block_count", 36},
                                           {"qwen2.context_length", 40960},
                                           {"tokenizer.ggml.tokens", nullptr}},
                            nlohmann::json{{"values", {false, "low", "xhigh"}}, {"default", "low"}},
                            nlohmann::json{{"general.architecture", "clip"}}, "gguf"});
    const auto tree =
        nlohmann::ordered_json::parse(ask("POST", "/api/show", R"({"model":"qwen3:4b"})")->answer.body);
    const auto& info = tree["model_info"];
    EXPECT_EQ(info["general.architecture"], "qwen2");
    EXPECT_EQ(tree["details"]["format"], "gguf");
    EXPECT_EQ(tree["projector_info"].dump(), R"({"general.architecture":"clip"})");
    EXPECT_EQ(tree["details"]["family"], "qwen2");
    EXPECT_EQ(tree["details"]["families"].dump(), R"(["qwen2"])");
    EXPECT_EQ(info["general.basename"], "qwen3");
    EXPECT_EQ(info["general.parameter_count"], 4'022'468'096);
    EXPECT_EQ(info["qwen2.block_count"], 36);
    EXPECT_EQ(info["qwen2.context_length"], 4096) << "as it is served";
    EXPECT_TRUE(info["tokenizer.ggml.tokens"].is_null());
    EXPECT_EQ(tree["thinking"].dump(), R"({"values":[false,"low","xhigh"],"default":"low"})");
    EXPECT_TRUE(tree["parameters"].get<std::string>().starts_with("temperature                    0.6\n"));
}

TEST_F(ollama_listing, show_tells_tensors_and_short_lists_of_a_gguf_where_asked) {
    const tests::temporary_folder folder;
    tests::gguf_bytes file(1, 3);
    file.pair("general.architecture", "qwen2");
    file.list("general.tags", {"chat"});
    file.list("tokenizer.ggml.tokens", std::vector<std::string>(300, "a"));
    file.tensor("output.weight", 0, 14);
    folder.write("m.gguf", file.text());
    backend.entry.package = folder.path();
    backend.entry.variables["model_file"] = "m.gguf";
    list_again();
    core::disk_work disk;
    context.disk = &disk;
    serve();
    const auto told = [&](const char* body) {
        return nlohmann::ordered_json::parse(ask("POST", "/api/show", body)->answer.body);
    };
    const auto all = told(R"({"model":"qwen3:4b","verbose":true})");
    EXPECT_EQ(all["tensors"].dump(), R"([{"name":"output.weight","type":"Q6_K","shape":[32,32]}])");
    EXPECT_EQ(all["model_info"]["general.tags"].dump(), R"(["chat"])");
    EXPECT_TRUE(all["model_info"]["tokenizer.ggml.tokens"].is_null());
    std::vector<std::string> keys;
    for (const auto& [key, value] : all.items()) {
        keys.push_back(key);
    }
    EXPECT_EQ(std::ranges::find(keys, "tensors") + 1, std::ranges::find(keys, "capabilities"));
    EXPECT_FALSE(told(R"({"model":"qwen3:4b"})").contains("tensors"));
    backend.entry.variables["model_file"] = "gone.gguf";
    list_again();
    EXPECT_FALSE(told(R"({"model":"qwen3:4b","verbose":true})").contains("tensors"));
    context.disk = nullptr;
    serve();
}

TEST_F(ollama_listing, show_has_the_parts_of_the_template_that_the_model_can_do) {
    const auto shown = [&] {
        return nlohmann::json::parse(
                   ask("POST", "/api/show", R"({"model":"qwen3:4b"})")->answer.body)["template"]
            .get<std::string>();
    };
    EXPECT_EQ(shown().find(".Tools"), std::string::npos);
    backend.entry.capabilities.emplace_back("tools");
    EXPECT_NE(shown().find(".Tools"), std::string::npos);
}

TEST_F(ollama_listing, show_names_the_model_as_copilot_asked) {
    const auto got =
        ask("POST", "/api/show", R"({"model":"Qwen3:4b"})", {{"User-Agent", "GitHubCopilotChat/0.30"}});
    EXPECT_EQ(nlohmann::json::parse(got->answer.body)["model_info"]["general.basename"], "Qwen3:4b");
}

}  // namespace
}  // namespace corral::api
