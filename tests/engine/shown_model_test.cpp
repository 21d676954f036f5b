#include "corral/engine/shown_model.hpp"

#include <gtest/gtest.h>

#include "catalog/temporary_folder.hpp"
#include "package/gguf_bytes.hpp"

namespace corral::engine {
namespace {

catalog::model_entry model_of(const corral::tests::temporary_folder& folder) {
    corral::tests::gguf_bytes file(1, 3);
    file.pair("general.architecture", "qwen2");
    file.pair("general.file_type", std::uint32_t{15});
    file.pair("qwen2.embedding_length", std::uint32_t{2560});
    file.tensor("output.weight", 0);
    folder.write("model.gguf", file.text());
    catalog::model_entry out;
    out.family = "chatml";
    out.package = folder.path();
    out.variables["model_file"] = "model.gguf";
    return out;
}

TEST(shown_model, reads_parameter_counts) {
    EXPECT_EQ(parameter_count("4.0B"), 4'000'000'000U);
    EXPECT_EQ(parameter_count("494.03M"), 494'030'000U);
    EXPECT_EQ(parameter_count(""), 0U);
    EXPECT_EQ(parameter_count("big"), 0U);
}

TEST(shown_model, a_file_says_what_no_server_says) {
    const corral::tests::temporary_folder folder;
    const catalog::model_entry model = model_of(folder);
    stated_model stated;
    fill_from_file(stated, facts_in(files_of(model), false));
    EXPECT_EQ(stated.parameter_size, "1K");
    EXPECT_EQ(stated.quantization, "Q4_K_M");
    EXPECT_EQ(shown_info(model, stated, "mine", 2048).dump(),
              R"({"general.architecture":"qwen2","general.basename":"mine","general.file_type":15,)"
              R"("general.parameter_count":1024,"general.size_label":"1K","general.type":"model",)"
              R"("qwen2.context_length":2048,"qwen2.embedding_length":2560})");
    stated_model running;
    running.parameter_size = "2.0B";
    fill_from_file(running, facts_in(files_of(model), false));
    EXPECT_EQ(running.parameter_size, "2.0B");
    EXPECT_EQ(running.embedding_length, 0U) << "the server's silence";
}

TEST(shown_model, tensors_are_told_where_asked_and_no_file_tells_nothing) {
    const corral::tests::temporary_folder folder;
    catalog::model_entry model = model_of(folder);
    EXPECT_TRUE(facts_in(files_of(model), false)->tensors.empty());
    EXPECT_EQ(facts_in(files_of(model), true)->tensors.size(), 1U);
    model.variables["model_file"] = "gone.gguf";
    EXPECT_EQ(facts_in(files_of(model), true), nullptr);
    model.variables["model_file"] = "model.axmodel";
    EXPECT_EQ(facts_in(files_of(model), true), nullptr);
    EXPECT_EQ(architecture_of(model, {}), "chatml");
}

TEST(shown_model, parameters_are_those_that_not_every_model_has) {
    catalog::model_entry model;
    model.family = "chatml";
    EXPECT_EQ(shown_parameters(model, {}).dump(),
              R"({"stop":["<|im_end|>","<|im_start|>","<|endoftext|>"]})");
    model.sampling.temperature = 0.6;
    EXPECT_EQ(shown_parameters(model, {{"top_k", 3}, {"stop", {"x"}}}).dump(),
              R"({"temperature":0.6,"top_k":3,"stop":["x"]})");
}

}  // namespace
}  // namespace corral::engine
