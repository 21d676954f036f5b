#include <gtest/gtest.h>

#include "corral/package/model_naming.hpp"
#include "package/files/json_document.hpp"
#include "package/readers/toml_text.hpp"
#include "package/scripts/flag_binding.hpp"

namespace corral::package {
namespace {

struct naming_row {
    const char* hint;
    const char* name;
    const char* family;
    const char* size;
    const char* quantization;
};

TEST(model_naming, names_of_folders_and_scripts_become_ollamas) {
    const naming_row rows[] = {
        {"Qwen3-4B", "qwen3:4b", "qwen3", "4B", ""},
        {"qwen3-4b-ax650", "qwen3:4b", "qwen3", "4B", ""},
        {"run_qwen3_1.7b_int8_ctx_axcl_x86_api", "qwen3:1.7b", "qwen3", "1.7B", "int8"},
        {"Qwen2.5-1.5B-Instruct-CTX-Int8", "qwen2.5:1.5b", "qwen2.5", "1.5B", "int8"},
        {"qwen2.5-7b-ctx-int4-ax650", "qwen2.5:7b", "qwen2.5", "7B", "int4"},
        {"Qwen2.5-Coder-3B-Instruct", "qwen2.5-coder:3b", "qwen2.5", "3B", ""},
        {"DeepSeek-R1-Distill-Qwen-1.5B", "deepseek-r1:1.5b", "deepseek-r1", "1.5B", ""},
        {"deepseek-r1-7b-gptq-int4-ax650", "deepseek-r1:7b", "deepseek-r1", "7B", "int4"},
        {"MiniCPM4-0.5B", "minicpm4:0.5b", "minicpm", "0.5B", ""},
        {"smollm2-360m-ax650", "smollm2:360m", "smollm2", "360M", ""},
        {"Llama-3.2-1B-Instruct", "llama3.2:1b", "llama3", "1B", ""},
        {"llama3-int8", "llama3:latest", "llama3.0", "", "int8"},
        {"gemma-3-1b-it", "gemma3:1b", "gemma", "1B", ""},
        {"Phi-3.5-mini-instruct", "phi3.5:latest", "phi3", "", ""},
        {"phi4-mini", "phi4-mini:latest", "phi4-mini", "", ""},
        {"Qwen3-4B-Thinking-2507", "qwen3:4b", "qwen3-thinking", "4B", ""},
        {"qwen3-rk3588-w8a8", "qwen3:latest", "qwen3", "", "w8a8"},
        // Nothing of ours, however near.
        {"qwen3.5-2b", "", "", "2B", ""},
        {"Qwen3VL-4B", "", "", "4B", ""},
        {"myqwen3", "", "", "", ""},
        {"package", "", "", "", ""},
        {"", "", "", "", ""},
    };
    for (const naming_row& row : rows) {
        SCOPED_TRACE(row.hint);
        const model_naming found = name_model({{row.hint, "here"}});
        EXPECT_EQ(found.name, row.name);
        EXPECT_EQ(found.family, row.family);
        EXPECT_EQ(found.parameter_size, row.size);
        EXPECT_EQ(found.quantization, row.quantization);
    }
}

TEST(model_naming, a_folder_of_any_name_is_named_by_what_is_inside) {
    const model_naming found = name_model({{"download", "the folder's name"},
                                           {"qwen2.5-1.5b-ctx-ax650", "the folder of the layer files"},
                                           {"run_qwen2.5_1.5b_int8", "the run script's name"}});
    EXPECT_EQ(found.name, "qwen2.5:1.5b");
    EXPECT_EQ(found.name_from, "the folder of the layer files");
    EXPECT_EQ(found.quantization_from, "the run script's name");
}

TEST(model_naming, without_a_line_the_folder_is_the_name) {
    EXPECT_EQ(name_of_folder("My Model (2)!"), "my-model-2:latest");
    EXPECT_EQ(name_of_folder("..."), "model:latest");
    EXPECT_EQ(name_of_folder("\xE4\xBD\xA0"), "model:latest");
    EXPECT_EQ(name_of_folder(std::string(500, 'a')), std::string(70, 'a').append(":latest"));
}

TEST(flag_binding, flags_and_their_values) {
    const auto flags = flags_of({"./main", "stray", "--a", "1", "--b=2=3", "--c", "--d", "-5", "--"});
    const std::vector<flag_word> expected{{"--a", "1"}, {"--b", "2=3"}, {"--c", ""}, {"--d", "-5"}};
    EXPECT_EQ(flags, expected);
    EXPECT_EQ(find_flag(flags, "--e"), nullptr);
}

TEST(flag_binding, variables_belong_to_the_flags_of_the_profile) {
    catalog::service_template service;
    service.command = {"{program}", "--x",           "{wide}", "--plain", "1",
                       "--url",     "http://{host}", "--y",    "{tall}"};
    const std::map<std::string, std::string> expected{{"--x", "wide"}, {"--y", "tall"}};
    EXPECT_EQ(flags_of_template(service), expected);
    EXPECT_EQ(program_variable(service), "program");
}

TEST(json_document, keeps_plain_values_near_the_top) {
    const auto document = json_document::parse(
        R"({"hidden_size": 2560, "x": {"y": 7, "z": {"deep": 1, "d": {"deeper": 2}}}, "list": [{"hidden_size": 1}],)"
        R"( "name": "a", "on": true, "none": null, "half": 1.5, "negative": -3})");
    ASSERT_TRUE(document);
    EXPECT_EQ(document->count("hidden_size", 65536), 2560U);
    EXPECT_EQ(document->count("hidden_size", 100), std::nullopt);
    EXPECT_EQ(document->count("x.y", 10), 7U);
    EXPECT_EQ(document->count("x.z.deep", 10), 1U);
    EXPECT_FALSE(document->has("x.z.d.deeper"));
    EXPECT_TRUE(document->has("list"));
    EXPECT_FALSE(document->has("list.hidden_size"));
    EXPECT_EQ(document->text("name"), "a");
    EXPECT_EQ(document->text("on"), "true");
    EXPECT_EQ(document->count("half", 10), std::nullopt);
    EXPECT_EQ(document->count("negative", 10), std::nullopt);
}

TEST(json_document, refuses_what_is_none_and_what_is_too_much) {
    std::string many = "{\"a\":[0";
    for (int i = 0; i < 20'000; ++i) {
        many += ",0";
    }
    many.append("]}");
    std::string deep = "{\"a\":";
    deep.append(100, '[').append(100, ']').append("}");
    for (const std::string& text :
         {std::string(), std::string("[]"), std::string("3"), std::string("{\"a\":"), std::string("{} x"),
          std::string(100'000, '['), deep, many}) {
        EXPECT_FALSE(json_document::parse(text)) << text.substr(0, 40);
    }
}

TEST(toml_text, whatever_bytes_there_are) {
    EXPECT_EQ(toml_string("a\"b\\c\n\t\x01\x7F"), "\"a\\\"b\\\\c\\n\\t\\u0001\\u007F\"");
    EXPECT_EQ(toml_string("\xE4\xBD\xA0"), "\"\xE4\xBD\xA0\"");
    EXPECT_EQ(toml_string("a\xFFz"), "\"a\xEF\xBF\xBDz\"");
    EXPECT_EQ(toml_string("\xED\xA0\x80").find('\xED'), std::string::npos) << "no surrogates";
    EXPECT_EQ(toml_string("\xC2\x9B\xE2\x80\xAE\xF3\xA0\x80\x81"), "\"\\u009B\\u202E\\U000E0001\"");
    EXPECT_EQ(toml_value("36"), "36");
    EXPECT_EQ(toml_value("036"), "\"036\"");
    EXPECT_EQ(toml_value("-1"), "\"-1\"");
    EXPECT_EQ(toml_list({"--devices", "{devices}"}), "[\"--devices\", \"{devices}\"]");
    EXPECT_EQ(toml_key("LD_LIBRARY_PATH"), "LD_LIBRARY_PATH");
    EXPECT_EQ(toml_key("a b"), "\"a b\"");
}

}  // namespace
}  // namespace corral::package
