// corral support: one file that a maker can ask the owner of a box for.

#include <cerrno>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/base/command.hpp"
#include "cli/base/command_source.hpp"
#include "cli/base/terminal.hpp"
#include "cli/trouble/support_file.hpp"
#include "corral/core/owned_fd.hpp"
#include "corral/core/say.hpp"
#include "corral/core/text.hpp"
#include "corral/core/time.hpp"

namespace corral::cli {

namespace {

struct support_options {
    support_request request;
    std::string file;  // "-": standard output
    bool show = false;
};

// Of the configuration that the command finds; its letters and digits alone.
std::string box_name(const support_request& request) {
    const auto read = config::load_configuration(source_of(request.place.config, request.environment));
    const auto& known = read.value ? read.value : read.draft;
    std::string out = known ? known->box_name : std::string("box");
    for (char& c : out) {
        c = core::is_letter(c) || core::is_digit(c) ? c : '-';
    }
    return out;
}

// Never over a file that is there, for its owner alone.
int write(const std::string& file, const std::string& text) {
    core::owned_fd to(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!to.valid()) {
        const int why = errno;
        return fail("'" + file + "' can't be written: " + std::generic_category().message(why) + ". " +
                    (why == EEXIST ? "Say another name with --output FILE."
                                   : "Say another place with --output FILE."));
    }
    if (!core::write_all(to.get(), text) || !to.close()) {
        const int why = errno;
        std::error_code ignored;  // a part of a file is of no use, wherever it stays
        std::filesystem::remove(file, ignored);
        return fail("'" + file + "' can't be written: " + std::generic_category().message(why) +
                    ". Make room, or say another place with --output FILE.");
    }
    return succeeded;
}

bool names_archive(std::string_view file) {
    constexpr std::array<std::string_view, 8> ends{".tgz", ".tar", ".gz",  ".xz",
                                                   ".zst", ".bz2", ".zip", ".7z"};
    return std::ranges::any_of(ends, [&](std::string_view end) { return file.ends_with(end); });
}

int support(support_options asked, const command_context& context) {
    if (names_archive(asked.file)) {
        return fail(core::say("command.support-name", asked.file));
    }
    asked.request.environment = context.environment;
    const auto parts = gather_support(asked.request);
    const text_style style = style_of(STDOUT_FILENO, context.environment);
    if (asked.show) {
        std::cout << wrapped("It would hold:\n" + support_list(parts) +
                                 "\nNothing was written. 'corral support --output -' prints all of it.\n",
                             style);
        return succeeded;
    }
    const std::string host = box_name(asked.request);
    const std::string text =
        support_file("Corral support file of " + host + ", " +
                         core::utc_text(std::chrono::system_clock::now(), "%Y-%m-%d %H:%M:%S UTC"),
                     parts);
    if (asked.file == "-") {
        std::cout << text;
        return succeeded;
    }
    const std::string file =
        asked.file.empty() ? "corral-support-" + host + "-" +
                                 core::utc_text(std::chrono::system_clock::now(), "%Y%m%dT%H%M%SZ") + ".txt"
                           : asked.file;
    const int status = write(file, text);
    if (status == succeeded) {
        std::cout << wrapped(support_list(parts), style) << "\n"
                  << file << " is written (" << (text.size() + 1023) / 1024
                  << " KiB). It is plain text: read it, then send it to the maker of the box.\n";
    }
    return status;
}

}  // namespace

void add_support_command(CLI::App& program, command_context& context) {
    const auto asked = std::make_shared<support_options>();
    CLI::App* one = program.add_subcommand(
        "support",
        "Write one file for a support request: versions, configuration, status, findings, crashes and logs");
    one->add_option("-o,--output", asked->file,
                    "Output file; '-' for standard output; default: ./corral-support-HOST-TIME.txt")
        ->type_name("FILE");
    one->add_flag("--show", asked->show, "List what it would contain; write nothing");
    one->add_flag("--content", asked->request.content,
                  "Include what may contain prompts and answers ('log_content = true')");
    add_daemon_options(*one, asked->request.place);
    one->footer(
        "Also works when Corral is not running, with less in the file. Secrets, prompts and answers are left "
        "out. At most 5 MB.");
    one->parse_complete_callback(
        [asked, &context] { context.run = [asked, &context] { return support(*asked, context); }; });
}

}  // namespace corral::cli
