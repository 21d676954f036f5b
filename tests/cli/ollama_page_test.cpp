#include "cli/status/ollama_page.hpp"

#include <gmock/gmock.h>

#include "cli/status/model_listing.hpp"

namespace corral::cli {
namespace {

using json = nlohmann::ordered_json;
using testing::ElementsAre;
using namespace std::chrono_literals;

// As `ollama ps` and `ollama show` print (docs/facts/ollama_wire.md#listings).

const core::wall_time noon{1'700'000'000s};

json running(std::chrono::seconds left, double size = 4e9, double accelerator = 4e9) {
    return {{"models", json::array({{{"name", "qwen3:4b"},
                                     {"digest", "0123456789abcdef"},
                                     {"size", size},
                                     {"size_vram", accelerator},
                                     {"context_length", 2048},
                                     {"expires_at", core::utc_text(noon + left)}}})}};
}

std::string until(std::chrono::seconds left) {
    return running_rows(running(left), noon).front().back();
}

std::string processor(double size, double accelerator) {
    return running_rows(running(60s, size, accelerator), noon).front()[3];
}

TEST(ollama_page, has_the_columns_of_ps) {
    EXPECT_THAT(running_head, ElementsAre("NAME", "ID", "SIZE", "PROCESSOR", "CONTEXT", "UNTIL"));
    EXPECT_THAT(running_rows(running(290s), noon),
                ElementsAre(ElementsAre("qwen3:4b", "0123456789ab", "4 GB", "100% GPU", "2048",
                                        "4 minutes from now")));
}

TEST(ollama_page, tells_times_and_processors_in_its_words) {
    EXPECT_EQ(until(0s), "Less than a second from now");
    EXPECT_EQ(until(1s), "1 second from now");
    EXPECT_EQ(until(59s), "59 seconds from now");
    EXPECT_EQ(until(119s), "About a minute from now");
    EXPECT_EQ(until(59min + 59s), "59 minutes from now");
    EXPECT_EQ(until(89min), "About an hour from now");
    EXPECT_EQ(until(90min), "2 hours from now");
    EXPECT_EQ(until(48h), "2 days from now");
    EXPECT_EQ(until(24h * 14), "2 weeks from now");
    EXPECT_EQ(until(24h * 60), "2 months from now");
    EXPECT_EQ(until(24h * 730), "2 years from now");
    EXPECT_EQ(until(24h * 365 * 22), "Forever");
    EXPECT_EQ(until(-1s), "Stopping...");
    EXPECT_EQ(processor(4e9, 4e9), "100% GPU");
    EXPECT_EQ(processor(4e9, 0), "100% CPU");
    EXPECT_EQ(processor(4e9, 3e9), "25%/75% CPU/GPU");
    EXPECT_EQ(processor(4e9, 5e9), "Unknown");
}

TEST(ollama_page, puts_what_is_our_own_behind_the_columns_of_ps) {
    std::vector<listed_model> models(2);
    models[0].name = "base";
    models[0].state = "ready";
    models[0].also = {"qwen3:4b"};
    models[0].running = 1;
    models[1].name = "other";
    models[1].state = "stopping";
    EXPECT_EQ(loaded_text(models, running(290s), "", noon, {}),
              "NAME        ID              SIZE    PROCESSOR    CONTEXT    UNTIL                 STATE       "
              "QUEUE        PROFILE\n"
              "qwen3:4b    0123456789ab    4 GB    100% GPU     2048       4 minutes from now    ready       "
              "1 running    -\n"
              "other       -               -       -            -          Stopping...           stopping    "
              "-            -\n");
    EXPECT_THAT(loaded_text(models, running(290s), "ot", noon, {}),
                testing::Not(testing::HasSubstr("qwen3:4b")));
    const json both = loaded_json(models, running(290s));
    EXPECT_EQ(both[0]["digest"], running(290s)["models"][0]["digest"]);
    EXPECT_EQ(both[0]["size_bytes"], running(290s)["models"][0]["size"]);
    EXPECT_EQ(both[0]["expires_at"], running(290s)["models"][0]["expires_at"]);
    EXPECT_EQ(both[0]["processor"], "100% GPU");
    EXPECT_EQ(both[0]["context_length"], 2048);
    EXPECT_TRUE(both[1]["digest"].is_null() && both[1]["processor"].is_null());
}

TEST(ollama_page, has_the_sections_of_show) {
    const json told = json::parse(R"({"license":"MIT\n\n second\nthird","parameters":
        "temperature                    0.6\nstop                           \"a b\"","system":"You are terse.",
        "details":{"parameter_size":"4.0B","quantization_level":"w8a16"},
        "model_info":{"general.architecture":"qwen3","qwen3.context_length":2048,"qwen3.embedding_length":2560,
                      "general.parameter_count":4022468096,"a.list":null,"a.small":1e-6,"a.long":["one","two","three"],
                      "a.name":"The long name of a licence that many models have","a.short":[11,53]},
        "projector_info":{"general.architecture":"clip","general.parameter_count":415000000,
                          "clip.vision.embedding_length":1024,"clip.vision.projection_dim":2560},
        "tensors":[{"name":"token_embd.weight","type":"Q4_K","shape":[2560,151936]},
                   {"name":"output_norm.bias","type":"F32","shape":[2560]}],
        "capabilities":["completion","tools"]})");
    const std::string model = R"(  Model
    architecture        qwen3
    parameters          4.0B
    context length      2048
    embedding length    2560
    quantization        w8a16

  Capabilities
    completion
    tools

  Projector
    architecture        clip
    parameters          415M
    embedding length    1024
    dimensions          2560

  Parameters
    temperature    0.6
    stop           "a     b"

)";
    const std::string texts = R"(  System
    You are terse.

  License
    MIT
    second
    ...

)";
    EXPECT_EQ(shown_sections(told, false, {}), model + texts);
    EXPECT_EQ(shown_sections(told, true, {}), model + R"(  Metadata
    a.list                     <nil>
    a.long                     [one two ...+1 more]
    a.name                     The long name of a licence
                                 that many models have
    a.short                    [11 53]
    a.small                    1e-06
    general.architecture       qwen3
    general.parameter_count    4.022468096e+09
    qwen3.context_length       2048
    qwen3.embedding_length     2560

  Tensors
    token_embd.weight    Q4_K    [2560 151936]
    output_norm.bias     F32     [2560]

)" + texts);
}

// As its table does: no line could be evened out, and a longer word than the width sets the width.
TEST(ollama_page, wraps_texts_at_a_hundred_columns) {
    const auto shown = [](const std::string& text) {
        const std::string page = shown_sections({{"license", text}}, false, {});
        return page.substr(page.find("  License\n") + 10);
    };
    const std::string twelve =
        "seven77 seven77 seven77 seven77 seven77 seven77 seven77 seven77 seven77 seven77 "
        "seven77 seven77";
    EXPECT_EQ(shown(twelve + " " + twelve + " seven77"),
              "    " + twelve + "\n      " + twelve + "\n      seven77\n\n");
    const std::string word(120, 'x');
    EXPECT_EQ(shown("One  and " + word + " and on\nsecond"),
              "    One  and\n      " + word + "\n      and on\n    second\n\n");
    EXPECT_EQ(shown(std::string(100, 'x')), "    " + std::string(100, 'x') + "\n\n");
    const std::string even(30, 'e');
    EXPECT_EQ(shown(even + " " + even + " " + even + " a " + word.substr(0, 90) + " " + even),
              "    " + even + " " + even + " " + even + "\n      a " + word.substr(0, 90) + "\n      " +
                  even + "\n\n");
}

TEST(ollama_page, shows_by_files_what_a_daemon_would) {
    catalog::model_entry model;
    model.name = "mine:4b";
    model.family = "chatml";
    model.parameter_size = "4.0B";
    model.quantization = "w8a16";
    model.sampling.temperature = 0.6;
    model.default_system = "You are terse.";
    model.capabilities = {"completion"};
    model.context.positions = 2048;
    auto file = std::make_shared<engine::file_facts>();
    file->info = {{"general.architecture", "qwen2"}, {"qwen2.embedding_length", 2560}};
    file->tensors = {{{"name", "output.weight"}, {"type", "F16"}, {"shape", {2560}}}};
    const std::string model_part = R"(  Model
    architecture        qwen2
    parameters          4.0B
    context length      2048
    embedding length    2560
    quantization        w8a16

  Capabilities
    completion

  Parameters
    temperature    0.6
    stop           "<|im_end|>"
    stop           "<|im_start|>"
    stop           "<|endoftext|>"

)";
    const std::string system = "  System\n    You are terse.\n\n";
    EXPECT_EQ(shown_sections(shown_by_files(model, file), false, {}), model_part + system);
    const std::string all = shown_sections(shown_by_files(model, file), true, {});
    EXPECT_NE(all.find("    general.basename           mine\n"), std::string::npos) << all;
    EXPECT_NE(all.find("  Tensors\n    output.weight    F16    [2560]\n\n" + system), std::string::npos)
        << all;
}

TEST(ollama_page, leaves_out_what_is_not_told) {
    EXPECT_EQ(shown_sections(json::object(), false, {}), "  Model\n    quantization    unknown\n\n");
}

}  // namespace
}  // namespace corral::cli
