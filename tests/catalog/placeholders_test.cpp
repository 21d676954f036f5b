#include "corral/catalog/placeholders.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace corral::catalog {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(placeholders, are_replaced_once) {
    const placeholder_values values{{"port", "8000"}, {"model", "{port}"}};
    EXPECT_EQ(expand("", values).value(), "");
    EXPECT_EQ(expand("l%d.axmodel", values).value(), "l%d.axmodel");
    EXPECT_EQ(expand("http://h:{port}/{model}", values).value(), "http://h:8000/{port}");
    EXPECT_EQ(expand("{{\"a\": {port}}}", values).value(), "{\"a\": 8000}");
}

TEST(placeholders, unknown_or_broken_are_named) {
    const auto unknown = expand("--x={tokeniser_url}", {{"tokenizer_url", "u"}});
    ASSERT_FALSE(unknown);
    EXPECT_THAT(unknown.error().message, HasSubstr("{tokeniser_url}"));
    for (const char* text : {"{", "}", "a{port", "{}", "{Port}", "{a b}", "port}", "{a{b}"}) {
        EXPECT_FALSE(placeholders_in(text)) << text;
    }
    EXPECT_THAT(placeholders_in("{a}{{x}}{b}").value(), ElementsAre("a", "b"));
}

model_entry two_services() {
    model_entry model;
    model.name = "qwen3:4b";
    model.package = "/models/q";
    model.variables = {{"python", "python3"}};
    model.context.vocabulary = 1000;
    service_template tokenizer;
    tokenizer.name = "tokenizer";
    tokenizer.command = {"{python}", "--port", "{port}"};
    tokenizer.working_directory = "{package}";
    tokenizer.url = "http://127.0.0.1:{port}";
    service_template runtime = tokenizer;
    runtime.name = "runtime";
    runtime.command = {"./main", "--url", "{tokenizer_url}", "--num", "{vocabulary}", "{tokenizer_port}"};
    runtime.environment = {{"PORT", "{port}"}};
    model.runtime.services = {tokenizer, runtime};
    return model;
}

TEST(expand_service, puts_in_addresses_and_variables) {
    const auto model = two_services();
    const std::map<std::string, std::uint16_t> ports{{"tokenizer", 1234}, {"runtime", 8000}};
    const auto tokenizer = expand_service(model, model.runtime.services[0], ports);
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    EXPECT_THAT(tokenizer->command, ElementsAre("python3", "--port", "1234"));
    EXPECT_EQ(tokenizer->working_directory, "/models/q");
    EXPECT_EQ(tokenizer->url, "http://127.0.0.1:1234");

    const auto runtime = expand_service(model, model.runtime.services[1], ports);
    ASSERT_TRUE(runtime) << runtime.error().message;
    EXPECT_THAT(runtime->command,
                ElementsAre("./main", "--url", "http://127.0.0.1:1234", "--num", "1000", "1234"));
    EXPECT_EQ(runtime->environment.at("PORT"), "8000");
    EXPECT_EQ(runtime->url, "http://127.0.0.1:8000");
}

TEST(expand_service, lets_the_tap_stand_in_for_the_tokenizer) {
    const auto model = two_services();
    const std::map<std::string, std::uint16_t> ports{{"tokenizer", 1234}, {"runtime", 8000}};
    const auto runtime =
        expand_service(model, model.runtime.services[1], ports, {{"tokenizer", "http://127.0.0.1:5"}});
    ASSERT_TRUE(runtime) << runtime.error().message;
    EXPECT_EQ(runtime->command[2], "http://127.0.0.1:5");
    EXPECT_EQ(runtime->url, "http://127.0.0.1:8000");
}

model_entry with_settings() {
    auto model = two_services();
    model.files_folder = "/state/services";
    model.variables["served_name"] = "my \"model\"\\\n";
    service_template& runtime = model.runtime.services[1];
    runtime.more_ports = {"management"};
    runtime.rendered = {
        {"config", R"({{"port": {port}, "other": {management_port}, "name": "{served_name}"}})"}};
    runtime.command = {"./main", "--config", "{config_file}"};
    runtime.liveness.probe.url = "http://127.0.0.2:{management_port}";
    return model;
}

TEST(expand_service, settings_hold_the_ports_and_values_can_not_break_out_of_their_texts) {
    const auto model = with_settings();
    const auto runtime = expand_service(model, model.runtime.services[1],
                                        {{"tokenizer", 1}, {"runtime", 8000}, {"management", 8001}});
    ASSERT_TRUE(runtime) << runtime.error().message;
    ASSERT_EQ(runtime->files.size(), 1U);
    EXPECT_EQ(runtime->files[0].path, "/state/services/qwen3:4b.runtime.config.json");
    EXPECT_EQ(runtime->files[0].text, R"({"port": 8000, "other": 8001, "name": "my \"model\"\\\u000a"})");
    EXPECT_THAT(runtime->command, ElementsAre("./main", "--config", runtime->files[0].path.string()));
    EXPECT_EQ(runtime->liveness_url, "http://127.0.0.2:8001");
    EXPECT_EQ(runtime->probe_url, "");
}

TEST(expand_service, each_set_of_processes_has_settings_of_its_own_inside_the_folder) {
    auto model = with_settings();
    const auto& service = model.runtime.services[1];
    model.name = "hf.co/some/model:latest";
    EXPECT_EQ(rendered_path(model, service, "config"),
              "/state/services/hf.co%some%model:latest.runtime.config.json");
    model.card_sets = {{0}, {1}};
    model.cards = {1};
    const auto second = rendered_path(model, service, "config");
    model.cards = {0};
    EXPECT_NE(rendered_path(model, service, "config"), second);
}

TEST(expand_service, without_a_folder_for_settings_it_says_what_to_do) {
    auto model = with_settings();
    model.files_folder.clear();
    const auto runtime = expand_service(model, model.runtime.services[1], stand_in_ports(model.runtime, 1));
    ASSERT_FALSE(runtime);
    EXPECT_THAT(runtime.error().message, HasSubstr("state_directory"));
}

TEST(stand_in_ports, every_port_that_a_template_can_name_is_there) {
    auto model = with_settings();
    model.runtime.services[0].port = 77;
    const auto ports = stand_in_ports(model.runtime, 1);
    EXPECT_EQ(ports,
              (std::map<std::string, std::uint16_t>{{"tokenizer", 77}, {"runtime", 1}, {"management", 1}}));
}

TEST(expand_service, names_model_and_service_when_a_value_is_missing) {
    auto model = two_services();
    model.runtime.services[1].command.push_back("{layers}");
    const auto runtime = expand_service(model, model.runtime.services[1], {{"tokenizer", std::uint16_t{1}}});
    ASSERT_FALSE(runtime);
    EXPECT_THAT(runtime.error().message, HasSubstr("qwen3:4b"));
    EXPECT_THAT(runtime.error().message, HasSubstr("'runtime'"));
}

TEST(mentions, looks_into_every_template) {
    const auto model = two_services();
    EXPECT_TRUE(mentions(model.runtime.services[1], "tokenizer_url"));
    EXPECT_FALSE(mentions(model.runtime.services[0], "tokenizer_url"));
    EXPECT_TRUE(mentions(model.runtime.services[1], "port"));
}

TEST(variable_name, must_be_plain_and_free) {
    const auto of = two_services().runtime;
    EXPECT_EQ(variable_name_problem("layer_files", of), "");
    for (const char* name :
         {"", "Layers", "a-b", "package", "port", "runtime_port", "tokenizer_url", "vocabulary"}) {
        EXPECT_NE(variable_name_problem(name, of), "") << name;
    }
}

TEST(placeholders, a_port_is_the_programs_own_unless_it_is_told) {
    service_template service;
    service.name = "runtime";
    service.url = "http://127.0.0.1:{port}";
    service.command = {"./run", "--tokenizer", "{tokenizer_url}"};
    EXPECT_FALSE(chooses_port(service)) << "the URL is for us";
    for (const char* word : {"{port}", "--listen={runtime_port}", "{runtime_url}"}) {
        service.command.back() = word;
        EXPECT_TRUE(chooses_port(service)) << word;
    }
    service.command.back() = "x";
    service.environment["PORT"] = "{port}";
    EXPECT_TRUE(chooses_port(service));
}

}  // namespace
}  // namespace corral::catalog
