// What a stranger's package says of itself: run scripts, config.json, GGUF heads and names.

#include <algorithm>

#include "corral/catalog/model_name.hpp"
#include "corral/package/gguf_header.hpp"
#include "corral/package/model_naming.hpp"
#include "fuzz_input.hpp"
#include "package/files/json_document.hpp"
#include "package/readers/toml_text.hpp"
#include "package/scripts/run_script.hpp"

using namespace corral;
using tests::demand;

namespace {

bool has_line(const std::string& message) {
    return message.starts_with("line ");
}

void read_script(std::string_view text) {
    const auto commands = package::parse_run_script(text);
    if (!commands) {
        demand(has_line(commands.error().message), "a refusal names its line");
        return;
    }
    const auto lines = static_cast<unsigned>(std::count(text.begin(), text.end(), '\n')) + 1;
    std::size_t words = 0;
    for (const auto& command : *commands) {
        demand(!command.words.empty(), "a command has a program");
        demand(command.line >= 1 && command.line <= lines, "a line of the text");
        demand(command.unknown.empty() || has_line(command.unknown), "what is not known names its line");
        words += command.words.size();
        for (const auto& word : command.words) {
            demand(word.size() <= 64 * 1024 && word.find('\0') == std::string::npos,
                   "words are bounded text");
        }
    }
    demand(words <= package::most_script_words, "words are counted");
}

// Words in single quotes are what they are.
void quote_words(std::string_view text) {
    std::vector<std::string> words{"./main"};
    std::string script = "./main";
    while (!text.empty() && words.size() < 50) {
        const auto end = std::min(text.find('\n'), text.size());
        std::string word(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        std::erase(word, '\'');
        std::erase(word, '\0');
        script += " \\\n'" + word + "'";
        words.push_back(std::move(word));
    }
    const auto commands = package::parse_run_script(script);
    demand(commands && commands->size() == 1 && commands->front().words == words, "quoted words stay");
    demand(commands->front().unknown.empty(), "quoted words are known");
}

void read_config(std::string_view text) {
    const auto document = package::json_document::parse(text);
    if (document) {
        const auto value = document->count("hidden_size", 65536);
        demand(!value || (*value >= 1 && *value <= 65536), "counts have bounds");
        demand(document->text("model_name").size() <= 4096, "texts have bounds");
    }
}

void read_gguf(std::string_view text) {
    const auto header = package::parse_gguf(text, package::gguf_detail::all);
    if (header) {
        demand(header->tensors.size() <= 4096 && (header->whole || header->tensors.empty()),
               "tensors are told whole and within bounds");
        demand(header->name.size() <= 4096 && header->architecture.size() <= 4096, "texts have bounds");
        demand(header->whole || header->least_bytes == 0, "a cut head does not say how long the file is");
        demand(!package::parse_gguf(text.substr(0, 23)), "a head has its counts");
    }
}

void name_it(std::string_view text) {
    const auto found = package::name_model({{std::string(text), "here"}});
    demand(found.name.empty() || catalog::display_name(found.name) == found.name, "names are names");
    const auto folder = package::name_of_folder(text);
    demand(catalog::display_name(folder) == folder, "every folder has a name");
    const auto quoted = package::toml_string(text);
    demand(std::none_of(quoted.begin(), quoted.end(),
                        [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }),
           "TOML on one line");
    demand(package::toml_comment(text).find('\n') == std::string::npos, "comments on one line");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    tests::fuzz_input input(data, size);
    switch (input.choice() % 5) {
        case 0:
            read_script(input.rest());
            break;
        case 1:
            quote_words(input.rest());
            break;
        case 2:
            read_config(input.rest());
            break;
        case 3:
            read_gguf(input.rest());
            break;
        default:
            name_it(input.rest());
            break;
    }
    return 0;
}
