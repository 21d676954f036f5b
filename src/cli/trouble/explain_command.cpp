// corral explain: what a message means, by its id or by its own words.

#include <iostream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <unistd.h>
#include <CLI/CLI.hpp>

#include "cli/base/command.hpp"
#include "cli/base/help_text.hpp"
#include "cli/base/terminal.hpp"
#include "cli/trouble/message_page.hpp"
#include "corral/catalog/diagnostic.hpp"
#include "corral/catalog/message.hpp"
#include "corral/core/say.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

struct explain_options {
    std::vector<std::string> words;
    bool page = false;
};

// Those that tell one sentence from another.
std::vector<std::string> long_words_of(const std::string& sentence) {
    constexpr std::size_t shortest = 4;
    std::istringstream in(sentence);
    std::vector<std::string> out{std::istream_iterator<std::string>(in), {}};
    std::erase_if(out, [](const std::string& one) { return one.size() < shortest; });
    return out;
}

int explain(const explain_options& asked, const command_context& context) {
    if (asked.page) {
        std::cout << messages_page();
        return succeeded;
    }
    if (asked.words.empty()) {
        std::cout << message_listing(style_of(STDOUT_FILENO, context.environment).columns);
        return succeeded;
    }
    std::string sentence;
    for (const std::string& word : asked.words) {
        sentence += (sentence.empty() ? "" : " ") + word;
    }
    const std::string text = explanation(sentence);
    const unsigned columns = style_of(STDOUT_FILENO, context.environment).columns;
    const std::vector<std::string> words = long_words_of(sentence);
    const std::string near = text.empty() && !words.empty() ? messages_about(words, columns) : std::string();
    if (!near.empty()) {
        std::cout << "No message reads quite so. These come near; 'corral explain ID' explains one:\n"
                  << near;
        return succeeded;
    }
    if (text.empty()) {
        std::vector<std::string> ids;
        for (const catalog::message& one : catalog::all_messages()) {
            ids.emplace_back(one.id);
        }
        const std::string meant = catalog::nearest(sentence, ids);
        const std::string shown = telemetry::printable(sentence, 200);
        return fail(meant.empty() ? core::say("command.explain/none", shown)
                                  : core::say("command.explain/meant", shown, meant));
    }
    std::cout << wrapped_help(text, columns);
    return succeeded;
}

}  // namespace

void add_explain_command(CLI::App& program, command_context& context) {
    const auto asked = std::make_shared<explain_options>();
    CLI::App* one = program.add_subcommand(
        "explain", "Say what a message or a finding means, and what to do; without words, list all");
    one->add_option("message", asked->words, "Its id, or the sentence itself")->type_name("ID");
    one->add_flag("--page", asked->page, "All of them as a page")->group("");
    one->parse_complete_callback(
        [asked, &context] { context.run = [asked, &context] { return explain(*asked, context); }; });
}

}  // namespace corral::cli
