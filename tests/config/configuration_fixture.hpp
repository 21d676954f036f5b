#pragma once
// A folder with a small profile, a package and a configuration file, for tests of reading them.

#include <map>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "catalog/temporary_folder.hpp"
#include "corral/config/configuration.hpp"

namespace corral::config {

inline const std::string profile_text = R"(name = "small"
dialect = "d"
[variables.layers]
about = "how many layer files"
[variables.python]
about = "the Python"
default = "python3"
[[services]]
name = "tokenizer"
command = ["{python}", "{port}"]
stop_loading = [{ signal = "SIGKILL", to = "group", grace = "1s" }]
stop_ready = [{ signal = "SIGKILL", to = "group", grace = "1s" }]
[[services]]
name = "runtime"
command = ["./run", "{layers}", "{tokenizer_url}"]
port = 8000
stop_loading = [{ signal = "SIGKILL", to = "group", grace = "1s" }]
stop_ready = [{ signal = "SIGKILL", to = "group", grace = "1s" }]
)";

inline const std::string model_text = R"([[models]]
name = "Qwen3:4b"
profile = "small"
package = "package"
family = "qwen3"
variables = { layers = 36 }
)";

class configuration_file : public testing::Test {
protected:
    void SetUp() override {
        folder_.write("vendor/small/profile.toml", profile_text);
        folder_.write("package/layer.axmodel", std::string(100, 'x'));
        source_.file = folder_.path() / "c.toml";
        set_environment({});
    }

    // `variables`, and the HOME that every log-in has.
    void set_environment(std::map<std::string, std::string> variables) {
        variables.emplace("HOME", "/home/ada");
        source_.environment = std::move(variables);
    }

    configuration_result load(const std::string& text) {
        folder_.write("c.toml", text);
        return load_configuration(source_);
    }

    // Complaints, one a line, without the folder.
    std::string complaints(const std::string& text) {
        std::string out;
        const std::string folder = folder_.path().string() + "/";
        for (const auto& one : load(text).errors) {
            auto line = catalog::to_text(one);
            if (line.starts_with(folder)) {
                line.erase(0, folder.size());
            }
            out += line + "\n";
        }
        return out;
    }

    tests::temporary_folder folder_;
    configuration_source source_;
};

}  // namespace corral::config
