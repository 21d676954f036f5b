// What comes with the program agrees with it: the manual and the example files.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/configuration_fixture.hpp"
#include "corral/catalog/placeholders.hpp"
#include "corral/engine/dialect.hpp"

namespace corral::config {
namespace {

using testing::HasSubstr;

// Every key that a table takes, out of the complaint about one that it does not take.
std::vector<std::string> keys_of(const std::string& complaint) {
    const std::string lead = "valid keys are ";
    std::vector<std::string> keys;
    const auto at = complaint.find(lead);
    std::stringstream list(at == std::string::npos ? "" : complaint.substr(at + lead.size()));
    for (std::string key; std::getline(list, key, ',');) {
        keys.push_back(key.substr(key.find_first_not_of(' ')));
    }
    return keys;
}

std::string text_of(const std::filesystem::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}

// What the fuzzer of the configuration begins with.
const std::filesystem::path seeds = CORRAL_SOURCE_DIR "/tests/fuzz/corpus/configuration";

TEST_F(configuration_file, takes_no_key_that_the_manual_and_the_fuzzer_do_not_name) {
    std::string manual;
    for (const char* const page : {"configuration", "access", "manifests", "profiles"}) {
        const std::string text = text_of(std::string(CORRAL_SOURCE_DIR "/docs/") + page + ".md");
        ASSERT_FALSE(text.empty()) << page;
        manual += text;
    }
    std::string all;
    for (const auto& seed : std::filesystem::directory_iterator(seeds)) {
        all += text_of(seed.path());
    }
    const auto is_named = [&all](const std::string& key) {
        return std::regex_search(all, std::regex("(^|[^a-z_])" + key + "( = |\\]|\\.)"));
    };
    const std::string odd = "qqqqqqqqqqqqqqqqqqqqqq = 1\n";
    std::string text = odd + "[http]\n" + odd + "[access]\n" + odd + "[tls]\n" + odd + "[fleet]\n" + odd +
                       "[pull]\n" + odd + model_text + odd;
    for (const char* table : {"context", "sampling", "clocks", "restart", "limits", "services.runtime",
                              "services.runtime.probe", "device", "device.compute", "device.host"}) {
        text += "[models." + std::string(table) + "]\n" + odd;
    }
    folder_.write("vendor/broken/profile.toml", odd + profile_text + odd);
    std::string other = model_text;
    other.replace(other.find("\"small\""), 7, "\"broken\"");
    other.replace(other.find("Qwen3:4b"), 8, "other:1b");
    const auto read = load(text + other);
    std::size_t tables = 0;
    for (const auto& one : read.errors) {
        const auto keys = keys_of(one.message);
        tables += keys.empty() ? 0 : 1;
        for (const auto& key : keys) {
            EXPECT_THAT(manual, HasSubstr("`" + key + "`")) << one.message;
            EXPECT_TRUE(is_named(key)) << "no seed with " << key << ": " << one.message;
        }
    }
    EXPECT_EQ(tables, 19U);
}

// One mistake and the fuzzer would not get behind it.
TEST_F(configuration_file, is_read_to_its_end_with_every_key) {
    std::string rest = text_of(seeds / "every_key");
    const auto next_part = [&rest] {
        const std::string mark = "\n%%\n";
        const std::size_t at = std::min(rest.find(mark), rest.size());
        const std::string part = rest.substr(0, at);
        rest.erase(0, at + mark.size());
        return part;
    };
    const std::string whole = next_part();
    folder_.write("vendor/fuzzed/profile.toml", next_part());
    folder_.write("models.d/a.toml", next_part());
    std::filesystem::copy(CORRAL_SOURCE_DIR "/vendor", folder_.path() / "vendor",
                          std::filesystem::copy_options::recursive);
    set_environment({{"OLLAMA_HOST", next_part()}});
    const auto read = load(whole);
    for (const auto& wrong : read.errors) {
        ADD_FAILURE() << catalog::to_text(wrong);
    }
    ASSERT_TRUE(read.value);
    EXPECT_EQ(read.value->models.size(), 3U);
    for (const auto& manifest : read.value->left_out) {
        for (const auto& wrong : manifest.problems) {
            ADD_FAILURE() << catalog::to_text(wrong);
        }
    }
}

// What ships must load; the packages of the real ones are not on this machine.
TEST(shipped_configuration, loads) {
    std::size_t seen = 0;
    for (const auto& entry : std::filesystem::directory_iterator(CORRAL_SOURCE_DIR "/configs")) {
        if (entry.path().extension() != ".toml") {
            continue;
        }
        configuration_source source;
        source.file = entry.path();
        source.environment["HOME"] = "/home/somebody";
        for (const auto* dialect : engine::dialects()) {
            source.dialects.emplace_back(dialect->name);
        }
        const auto read = load_configuration(source);
        for (const auto& wrong : read.errors) {
            ADD_FAILURE() << catalog::to_text(wrong);
        }
        ASSERT_TRUE(read.value);
        const auto& model = read.value->models.at(0);
        const auto ports = catalog::stand_in_ports(model.runtime, 4242);
        for (const auto& service : model.runtime.services) {
            const auto made = catalog::expand_service(model, service, ports);
            EXPECT_TRUE(made) << made.error().message;
        }
        // A tokenizer service is of use only to a runtime that is told where it is.
        if (model.runtime.services.size() > 1) {
            EXPECT_TRUE(catalog::mentions(model.runtime.services.back(), "tokenizer_url")) << entry.path();
        }
        ++seen;
    }
    EXPECT_GE(seen, 3U);
}

}  // namespace
}  // namespace corral::config
