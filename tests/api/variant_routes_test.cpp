// Models that clients make of others: create, copy, delete, and how they are shown
// (docs/facts/ollama_wire.md#listings, #management).

#include <fstream>
#include <iterator>
#include <string>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>

#include "corral/catalog/package_survey.hpp"
#include "corral/config/key_ring.hpp"
#include "variant_fixture.hpp"

namespace corral::api {
namespace {

class ollama_create : public test::variant_test {};

TEST_F(ollama_create, streams_status_lines_that_end_in_success) {
    const auto got =
        ask("POST", "/api/create", R"({"model":"Pirate","from":"tiny","system":"You are a pirate."})");
    EXPECT_EQ(got->answer.status, 200U);
    EXPECT_EQ(got->answer.content_type, "application/x-ndjson");
    EXPECT_EQ(got->answer.body, std::string(R"({"status":"using existing layer sha256:)") + base_digest +
                                    "\"}\n{\"status\":\"writing manifest\"}\n{\"status\":\"success\"}\n");
    EXPECT_EQ(names(), "tiny:latest Pirate:latest ");
}

TEST_F(ollama_create, is_one_object_when_not_streamed) {
    const auto got = ask("POST", "/api/create", R"({"name":"pirate","from":"tiny","stream":false})");
    EXPECT_EQ(got->answer.body, R"({"status":"success"})");
    EXPECT_EQ(got->answer.content_type, "application/json");
}

TEST_F(ollama_create, refuses_what_it_can_not_make) {
    const std::string no_files =
        " is not supported: this server makes no models out of files; create from a model that it has, or "
        "add one with 'corral import'";
    const std::string taken =
        "403 model 'tiny:latest' belongs to this server's configuration; choose another name, or have its "
        "operator change it there";
    const std::vector<std::pair<std::string, std::string>> rows{
        {R"({"from":"tiny"})", "400 invalid model name"},
        {R"({"model":"a b","from":"tiny"})", "400 invalid model name"},
        {R"({"model":"new"})", "400 neither 'from' or 'files' was specified"},
        {R"({"model":"new","files":{"x.gguf":"sha256:00"}})", "400 files" + no_files},
        {R"({"model":"new","from":"tiny","adapters":{"x":"y"}})", "400 adapters" + no_files},
        {R"({"model":"new","from":"tiny","quantize":"q4_K_M"})", "400 quantize" + no_files},
        {R"({"model":"new","from":"a b"})", "400 invalid model name"},
        {R"({"model":"tiny","from":"tiny","system":"x"})", taken},
        {R"({"model":"TINY:latest","from":"tiny"})", taken},
        {R"({"model":"new","from":"tiny","parameters":{"temperature":"hot"}})",
         R"(500 option "temperature" must be of type float32)"},
        {R"({"model":"new","from":"tiny","template":"{{ .Prompt"})", "400 template: :1: unclosed action"},
        {R"({"model":"new","from":"tiny","parameters":[]})",
         "400 json: cannot unmarshal array into Go struct field CreateRequest.parameters of type "
         "map[string]interface {}"},
        {R"({"model":"new","from":"tiny","messages":[{"role":"user","content":"x","images":["aGk="]}]})",
         "400 images in messages are not supported"},
        {"", "400 missing request body"},
        {R"({"model":"new","from":"tiny","system":")" + std::string(1100000, 's') + R"("})",
         "400 a model may hold at most 1048576 bytes of texts and messages"},
    };
    for (const auto& [body, wanted] : rows) {
        EXPECT_EQ(refusal("POST", "/api/create", body), wanted) << body.substr(0, 200);
    }
    EXPECT_EQ(names(), "tiny:latest ");
}

TEST_F(ollama_create, from_an_unknown_model_ends_like_its_pull) {
    const auto got = ask("POST", "/api/create", R"({"model":"new","from":"llama3.2"})");
    EXPECT_EQ(got->answer.status, 200U);
    EXPECT_EQ(
        got->answer.body,
        "{\"status\":\"pulling manifest\"}\n{\"error\":\"pull model manifest: file does not exist: this "
        "server runs the models of its own box; 'corral import' adds one\"}\n");
    const auto whole = ask("POST", "/api/create", R"({"model":"new","from":"llama3.2","stream":false})");
    EXPECT_EQ(whole->answer.status, 500U);
    EXPECT_EQ(whole->answer.content_type, "application/json");
}

TEST_F(ollama_create, is_shown_with_all_it_was_given) {
    create(
        R"({"model":"me/pirate:v1","from":"tiny","system":"You are a \"pirate\".\nArr.","template":"{{ .System }} {{ .Prompt }}",
            "license":["MIT","more"],"parameters":{"temperature":0.25,"stop":["END","a\"b"],"num_ctx":2048,"odd":true},
            "messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"arr"}]})");
    const auto tree = show("me/pirate:v1");
    std::string keys;
    for (const auto& [key, value] : tree.items()) {
        keys += key + " ";
    }
    EXPECT_EQ(keys,
              "license modelfile parameters template system details messages model_info capabilities "
              "modified_at ");
    EXPECT_EQ(tree["license"], "MIT\nmore");
    EXPECT_EQ(tree["template"], "{{ .System }} {{ .Prompt }}");
    EXPECT_EQ(tree["system"], "You are a \"pirate\".\nArr.");
    EXPECT_EQ(tree["details"]["parent_model"], "tiny:latest");
    EXPECT_EQ(tree["messages"].dump(),
              R"([{"role":"user","content":"hi"},{"role":"assistant","content":"arr"}])");
    EXPECT_EQ(tree["parameters"].get<std::string>(),
              "temperature                    0.25\n"
              "stop                           \"END\"\n"
              "stop                           \"a\\\"b\"\n"
              "num_ctx                        2048\n"
              "odd                            true");
    EXPECT_EQ(tree["modelfile"].get<std::string>(),
              "# Modelfile generated by \"ollama show\"\n"
              "# To build a new Modelfile based on this, replace FROM with:\n"
              "# FROM me/pirate:v1\n\n"
              "FROM tiny:latest\n"
              "TEMPLATE {{ .System }} {{ .Prompt }}\n"
              "SYSTEM \"\"\"You are a \"pirate\".\nArr.\"\"\"\n"
              "PARAMETER temperature 0.25\n"
              "PARAMETER stop END\n"
              "PARAMETER stop a\"b\n"
              "PARAMETER num_ctx 2048\n"
              "PARAMETER odd true\n"
              "LICENSE \"MIT\nmore\"\n"
              "MESSAGE user hi\n"
              "MESSAGE assistant arr\n");
}

TEST_F(ollama_create, is_listed_with_a_digest_of_its_own) {
    create(R"({"model":"pirate","from":"tiny","system":"arr"})");
    const auto tree = nlohmann::json::parse(ask("GET", "/api/tags")->answer.body);
    ASSERT_EQ(tree["models"].size(), 2U);
    const auto& newest = tree["models"][0];
    EXPECT_EQ(newest["name"], "pirate:latest");
    EXPECT_EQ(newest["size"], 1000);
    EXPECT_EQ(newest["digest"].get<std::string>().size(), 64U);
    EXPECT_NE(newest["digest"], base_digest);
    EXPECT_EQ(newest["details"]["parent_model"], "tiny:latest");
    EXPECT_EQ(tree["models"][1]["details"]["parent_model"], "");
}

TEST_F(ollama_create, answers_under_its_name) {
    create(R"({"model":"pirate","from":"tiny"})");
    const auto got = ask("POST", "/api/chat",
                         R"({"model":"Pirate","stream":false,"messages":[{"role":"user","content":"x"}]})");
    EXPECT_EQ(got->answer.status, 200U) << got->answer.body;
    EXPECT_EQ(nlohmann::json::parse(got->answer.body)["model"], "Pirate");
}

TEST_F(ollama_create, from_a_variant_flattens) {
    create(
        R"({"model":"one","from":"tiny","system":"first","parameters":{"top_k":7,"seed":1},"messages":[{"role":"user","content":"m"}]})");
    create(R"({"model":"two","from":"one","parameters":{"seed":2,"top_p":null}})");
    create(R"({"model":"three","from":"two","system":"third","messages":[{"role":"user","content":"n"}]})");
    EXPECT_EQ(show("two")["system"], "first");
    EXPECT_EQ(show("three")["system"], "third");
    EXPECT_EQ(show("three")["details"]["parent_model"], "tiny:latest");
    EXPECT_EQ(show("three")["messages"][0]["content"], "n");
    EXPECT_EQ(models.find("three")->variant->sampling.top_k, 7);
    EXPECT_EQ(models.find("three")->variant->sampling.seed, 2);
    EXPECT_EQ(models.find("one")->variant->sampling.seed, 1);
    EXPECT_EQ(ask("DELETE", "/api/delete", R"({"model":"one"})")->answer.status, 200U);
    EXPECT_EQ(show("two")["system"], "first");
}

TEST_F(ollama_create, again_replaces_it) {
    create(R"({"model":"pirate","from":"tiny","system":"one"})");
    create(R"({"model":"PIRATE","from":"pirate","system":"two"})");
    EXPECT_EQ(names(), "tiny:latest PIRATE:latest ");
    EXPECT_EQ(show("pirate")["system"], "two");
}

TEST_F(ollama_create, survives_a_restart) {
    create(
        R"({"model":"pirate","from":"tiny","system":"arr","template":"t","license":"l","parameters":{"temperature":0.5,"stop":["x"]},
            "messages":[{"role":"assistant","content":"a","tool_calls":[{"id":"c","function":{"name":"f","arguments":{"k":[1]}}}]},
                        {"role":"tool","content":"r","tool_name":"f","tool_call_id":"c"}]})");
    const auto before = models.find("pirate");
    const auto shown = show("pirate").dump();
    restart();
    const auto after = models.find("pirate");
    ASSERT_NE(after, nullptr);
    EXPECT_EQ(show("pirate").dump(), shown);
    EXPECT_EQ(after->digest, before->digest);
    EXPECT_EQ(after->modified, before->modified);
    EXPECT_EQ(after->variant->sampling.temperature, 0.5);
    EXPECT_EQ(after->variant->limits.stops, std::vector<std::string>{"x"});
    ASSERT_EQ(after->variant->messages.size(), 2U);
    EXPECT_EQ(after->variant->messages[0].calls.front().arguments.dump(), R"({"k":[1]})");
    EXPECT_EQ(after->variant->messages[1].tool_name, "f");
}

TEST_F(ollama_create, what_can_not_be_served_stays_on_disk) {
    create(R"({"model":"pirate","from":"tiny","system":"arr"})");
    const auto file = folder.path() / "variants" / catalog::variant_store::file_name("pirate:latest");
    backend.entry.name = "other:latest";
    restart();
    EXPECT_EQ(names(), "other:latest ");
    backend.entry.name = "pirate:latest";
    restart();
    EXPECT_EQ(names(), "pirate:latest ");
    EXPECT_EQ(models.find("pirate")->variant, nullptr);
    backend.entry.name = "tiny:latest";
    for (const char* broken :
         {"", "x", "[]", "{}", R"({"corral_variant":2,"name":"pirate","from":"tiny"})",
          R"({"corral_variant":1,"name":"a b","from":"tiny"})",
          R"({"corral_variant":1,"name":"someone","from":"tiny"})",
          R"({"corral_variant":1,"name":"pirate","from":"tiny","messages":[{"role":"poet"}]})",
          R"({"corral_variant":1,"name":"pirate","from":"tiny","parameters":{"top_k":"x"}})"}) {
        folder.write("variants/" + file.filename().string(), broken);
        restart();
        EXPECT_EQ(names(), "tiny:latest ") << broken;
        EXPECT_TRUE(std::filesystem::exists(file));
    }
    folder.write("variants/" + file.filename().string(),
                 R"({"corral_variant":1,"name":"pirate:latest","from":"tiny:latest"})");
    restart();
    EXPECT_EQ(names(), "tiny:latest pirate:latest ");
}

TEST_F(ollama_create, one_of_a_newer_version_is_neither_served_nor_replaced) {
    create(R"({"model":"pirate","from":"tiny","system":"arr"})");
    const std::string file = "variants/" + catalog::variant_store::file_name("pirate:latest");
    const std::string newer = R"({"corral_variant":2,"name":"pirate:latest","from":"tiny:latest"})";
    folder.write(file, newer);
    restart();
    EXPECT_EQ(names(), "tiny:latest ");
    EXPECT_THAT(
        ask("POST", "/api/create", R"({"model":"pirate","from":"tiny","system":"x"})")->answer.body,
        testing::AllOf(testing::HasSubstr("was written by a newer version of Corral and is left as it is"),
                       testing::Not(testing::HasSubstr(folder.path().string()))));
    std::ifstream in(folder.path() / file);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), newer);
}

// 30 of 60 KB each, where 100 KB are the bound for all: as after a start with far too many.
TEST_F(ollama_create, what_is_found_above_the_bound_is_served_from_the_disk) {
    const std::string system(60'000, 's');
    for (int i = 0; i < 30; ++i) {
        create(R"({"model":"v)" + std::to_string(i) + R"(","from":"tiny","system":")" + system + R"("})");
    }
    const std::string digest = models.find("v7")->digest;
    limits.all_bytes = 100'000;
    restart();
    std::size_t on_disk = 0;
    for (const auto& each : models.all()) {
        on_disk += each->variant != nullptr && each->variant->on_disk ? 1 : 0;
        EXPECT_TRUE(each->variant == nullptr || each->digest == digest) << each->name;
    }
    EXPECT_EQ(models.all().size(), 31U);
    EXPECT_EQ(on_disk, 29U);
    EXPECT_EQ(show("v29")["system"], system);
    const auto whole = ask("POST", "/api/copy", R"({"source":"v29","destination":"w"})");
    EXPECT_EQ(whole->answer.status, 400U);
    EXPECT_NE(refusal("POST", "/api/create", R"({"model":"new","from":"tiny"})").find("delete some"),
              std::string::npos);
    create(R"({"model":"v3","from":"tiny","system":"short"})");
    EXPECT_EQ(show("v3")["system"], "short");
    std::filesystem::remove(folder.path() / "variants" / catalog::variant_store::file_name("v29:latest"));
    EXPECT_EQ(refusal("POST", "/api/show", R"({"model":"v29"})"),
              "500 this model's file can't be read; tell the operator of this server, whose 'corral logs "
              "corral' says why");
}

TEST_F(ollama_create, a_document_that_somebody_else_wrote_is_served_too) {
    const std::string system(10'000, 's');
    const auto file = "variants/" + catalog::variant_store::file_name("pirate:latest");
    folder.write(file,
                 R"({"corral_variant": 1, "name": "pirate", "from": "tiny", "system": ")" + system + "\"}");
    restart();
    EXPECT_EQ(names(), "tiny:latest pirate:latest ");
    EXPECT_EQ(show("pirate")["system"], system);
    folder.write(file,
                 R"({"system": ")" + system + R"(", "corral_variant": 1, "name": "pirate", "from": "tiny"})");
    restart();
    EXPECT_EQ(names(), "tiny:latest pirate:latest ");
    EXPECT_EQ(show("pirate")["system"], system);
}

TEST_F(ollama_create, one_client_leaves_room_for_another) {
    limits.count = 4;
    restart();
    create(R"({"model":"a","from":"tiny"})");
    create(R"({"model":"b","from":"tiny"})");
    const std::string third = R"({"model":"c","from":"tiny"})";
    EXPECT_NE(refusal("POST", "/api/create", third).find("half of what others leave"), std::string::npos);
    restart();
    EXPECT_NE(refusal("POST", "/api/create", third).find("half of what others leave"), std::string::npos)
        << "it is known after a restart too";
    create(R"({"model":"b","from":"tiny"})");
}

TEST_F(ollama_create, without_a_place_to_keep_them_it_says_so) {
    create(R"({"model":"pirate","from":"tiny"})");
    context.variants = nullptr;
    handler = make_api(context);
    const std::string why =
        "500 this server has no place for models that clients make; its operator can name one by "
        "state_directory";
    EXPECT_EQ(refusal("POST", "/api/create", R"({"model":"new","from":"tiny"})"), why);
    EXPECT_EQ(refusal("POST", "/api/copy", R"({"source":"tiny","destination":"new"})"), why);
    EXPECT_EQ(refusal("DELETE", "/api/delete", R"({"model":"pirate"})"), why);
}

TEST_F(ollama_create, a_disk_that_refuses_is_said_and_nothing_is_served) {
    std::filesystem::create_directories(folder.path() / "variants" /
                                        (catalog::variant_store::file_name("pirate:latest") + ".tmp"));
    EXPECT_EQ(refusal("POST", "/api/create", R"({"model":"pirate","from":"tiny"})"),
              "500 this model can't be kept; tell the operator of this server, whose 'corral logs corral' "
              "says why");
    EXPECT_EQ(names(), "tiny:latest ");
}

class ollama_copy : public test::variant_test {};

TEST_F(ollama_copy, gives_a_second_name) {
    const auto got = ask("POST", "/api/copy", R"({"source":"tiny","destination":"alias"})");
    EXPECT_EQ(got->answer.status, 200U);
    EXPECT_EQ(got->answer.body, "");
    EXPECT_EQ(models.find("alias")->digest, models.find("tiny")->digest);
    create(R"({"model":"pirate","from":"alias","system":"arr"})");
    EXPECT_NE(models.find("pirate")->digest, models.find("tiny")->digest);
    EXPECT_EQ(ask("POST", "/api/copy", R"({"source":"pirate","destination":"me/second:x"})")->answer.status,
              200U);
    EXPECT_EQ(show("me/second:x")["system"], "arr");
    EXPECT_EQ(models.find("me/second:x")->digest, models.find("pirate")->digest);
    EXPECT_EQ(ask("POST", "/api/copy", R"({"source":"pirate","destination":"Pirate:latest"})")->answer.status,
              200U);
}

TEST_F(ollama_copy, refuses_as_ollama_does) {
    const std::vector<std::pair<std::string, std::string>> rows{
        {R"({"source":"none","destination":"x"})", R"(404 model "none" not found)"},
        {R"({"source":"a b","destination":"x"})", R"(400 source "a b" is invalid)"},
        {R"({"source":"tiny","destination":"a b"})", R"(400 destination "a b" is invalid)"},
        {"{}", R"(400 source "" is invalid)"},
        {R"({"source":"tiny"})", R"(400 destination "" is invalid)"},
        {"", "400 missing request body"},
    };
    for (const auto& [body, wanted] : rows) {
        EXPECT_EQ(refusal("POST", "/api/copy", body), wanted) << body;
    }
    create(R"({"model":"pirate","from":"tiny"})");
    EXPECT_TRUE(
        refusal("POST", "/api/copy", R"({"source":"pirate","destination":"tiny"})").starts_with("403 "));
}

class ollama_delete : public test::variant_test {};

TEST_F(ollama_delete, a_variant_is_gone_for_good) {
    create(R"({"model":"pirate","from":"tiny"})");
    const auto got = ask("DELETE", "/api/delete", R"({"name":"Pirate:latest"})");
    EXPECT_EQ(got->answer.status, 200U);
    EXPECT_EQ(got->answer.body, "");
    EXPECT_EQ(refusal("DELETE", "/api/delete", R"({"model":"pirate"})"), "404 model 'pirate' not found");
    restart();
    EXPECT_EQ(names(), "tiny:latest ");
}

TEST_F(ollama_delete, refuses_as_ollama_does) {
    const std::vector<std::pair<std::string, std::string>> rows{
        {"{}", "400 model is required"},
        {R"({"model":"a b"})", R"(400 name "a b" is invalid)"},
        {R"({"model":"None"})", "404 model 'None' not found"},
        {R"({"model":"tiny"})",
         "403 model 'tiny:latest' belongs to this server's configuration and is not removed; "
         "clients "
         "may not pull or delete packages on this server; its operator can allow it with 'from_clients = "
         "true' in [pull], or use 'corral pull' and 'corral import'"},
        {"", "400 missing request body"},
    };
    for (const auto& [body, wanted] : rows) {
        EXPECT_EQ(refusal("DELETE", "/api/delete", body), wanted) << body;
    }
    EXPECT_EQ(names(), "tiny:latest ");
}

TEST_F(ollama_delete, a_request_on_its_way_goes_on) {
    create(R"({"model":"pirate","from":"tiny"})");
    backend.otherwise.gate_before_text = true;
    const auto got = start("POST", "/api/generate", R"({"model":"pirate","prompt":"x","stream":false})");
    ASSERT_TRUE(test::run_until(io, [&] { return backend.running == 1; }));
    EXPECT_EQ(ask("DELETE", "/api/delete", R"({"model":"pirate"})")->answer.status, 200U);
    backend.open_gates();
    ASSERT_TRUE(test::run_until(io, [&] { return got->over; }));
    EXPECT_EQ(got->answer.status, 200U) << got->answer.body;
}

// Three keys, of which "boss" operates the box.
class variants_of_keys : public test::variant_test {
protected:
    using row = std::tuple<std::string, std::string, std::string>;

    variants_of_keys() {
        std::string text;
        for (const std::string name : {"anna", "ben", "boss"}) {
            text.append(name).append(" ").append(catalog::sha256_hex("sk-" + name).value());
            text.append(name == "boss" ? " inference,operate\n" : "\n");
        }
        keys = config::key_ring::parse(text, "keys").value.value();
        context.keys = &keys;
        handler = make_api(context);
    }
    std::string as(const std::string& who, const std::string& method, const std::string& path,
                   const std::string& body) {
        const auto got = ask(method, path, body, {{"x-api-key", "sk-" + who}});
        return std::to_string(got->answer.status) + " " + got->answer.body;
    }
    config::key_ring keys;
};

TEST_F(variants_of_keys, are_used_by_others_and_neither_read_nor_changed) {
    const std::string made =
        R"({"model":"annas","from":"tiny","system":"Arr!","template":"T {{ .Prompt }}","license":"L9",)"
        R"("messages":[{"role":"user","content":"M7"}],"parameters":{"top_k":7},"stream":false})";
    EXPECT_TRUE(as("anna", "POST", "/api/create", made).starts_with("200 "));
    const std::string replaced =
        "made with another key: only that key or an operator's may replace or delete it; choose another name";
    const std::string copied = "made with another key: you may use it, but not make another of it";
    const std::vector<row> rows{
        {"POST /api/create", R"({"model":"annas","from":"tiny","system":"mine"})", replaced},
        {"POST /api/create", R"({"model":"bens","from":"annas"})", copied},
        {"POST /api/copy", R"({"source":"tiny","destination":"annas"})", replaced},
        {"POST /api/copy", R"({"source":"annas","destination":"bens"})", copied},
        {"DELETE /api/delete", R"({"model":"annas"})", replaced},
    };
    for (const auto& [where, body, why] : rows) {
        const auto space = where.find(' ');
        EXPECT_EQ(as("ben", where.substr(0, space), where.substr(space + 1), body),
                  "403 {\"error\":\"model 'annas:latest' was " + why + "\"}")
            << where << body;
    }
    const std::string show = R"({"model":"annas"})";
    const std::string seen = as("ben", "POST", "/api/show", show);
    EXPECT_TRUE(seen.starts_with("200 ")) << seen;
    EXPECT_THAT(seen, testing::HasSubstr("top_k"));
    for (const char* text : {"Arr!", "T {{", "L9", "M7"}) {
        EXPECT_THAT(seen, testing::Not(testing::HasSubstr(text)));
        EXPECT_THAT(as("anna", "POST", "/api/show", show), testing::HasSubstr(text));
        EXPECT_THAT(as("boss", "POST", "/api/show", show), testing::HasSubstr(text));
    }
    const std::string chat =
        R"({"model":"annas","messages":[{"role":"user","content":"hi"}],"stream":false})";
    EXPECT_FALSE(as("ben", "POST", "/api/chat", chat).starts_with("403 ")) << "it may be used";
    EXPECT_EQ(names(), "tiny:latest annas:latest ");
    restart();
    EXPECT_TRUE(as("ben", "DELETE", "/api/delete", show).starts_with("403 ")) << "known after a restart too";
    EXPECT_TRUE(as("anna", "POST", "/api/create", made).starts_with("200 "));
    EXPECT_TRUE(as("boss", "DELETE", "/api/delete", show).starts_with("200"));
}

TEST_F(variants_of_keys, what_was_made_without_keys_is_everybodys) {
    for (const char* maker : {"", "127.0.0.1", "2001:db8::5"}) {
        folder.write("variants/" + catalog::variant_store::file_name("old:latest"),
                     R"({"corral_variant": 1, "name": "old", "from": "tiny", "system": "S1", "client": ")" +
                         std::string(maker) + "\"}");
        restart();
        EXPECT_THAT(as("ben", "POST", "/api/show", R"({"model":"old"})"), testing::HasSubstr("S1")) << maker;
        EXPECT_TRUE(as("ben", "DELETE", "/api/delete", R"({"model":"old"})").starts_with("200")) << maker;
    }
}

}  // namespace
}  // namespace corral::api
