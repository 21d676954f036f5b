#include "cli/packages/import_trust.hpp"

#include <chrono>
#include <memory>
#include <ostream>
#include <utility>

#include <unistd.h>

#include "cli/status/status_page.hpp"
#include "corral/core/say.hpp"
#include "corral/package/checksum_check.hpp"
#include "corral/package/package_check.hpp"
#include "corral/telemetry/log.hpp"

namespace corral::cli {

namespace {

using catalog::severity;
using package::signature_state;

void add(package_trust& to, severity level, const core::reason& what, std::optional<std::string> why = {},
         std::optional<std::string> fix = {}) {
    to.findings.push_back(catalog::finding_of(level, what, {}, std::move(why), std::move(fix)));
}

void judge_signature(package_trust& to, const trust_request& request) {
    const package::signature_verdict& is = to.signature;
    const core::reason keys = core::say("package.signature/keys", request.trusted);
    if (is.state == signature_state::refused) {
        add(to, severity::error, core::say("package.signature", is.file, is.why), {},
            core::say("package.signature/again", keys));
    } else if (is.state == signature_state::unchecked) {
        add(to, request.require_signature ? severity::error : severity::warning,
            core::say("package.unsigned/unchecked", is.file, is.why), {}, keys);
    } else if (is.state == signature_state::none && request.require_signature) {
        add(to, severity::error, core::say("package.unsigned/none"), core::say("package.unsigned/required"));
    }
}

void judge_files(package_trust& trust, const trust_request& request, const package::package_tree& tree,
                 const package::checksum_report& seen) {
    if (!seen.pointers.empty()) {
        add(trust, severity::error, core::say("file.lfs-pointer/listed", package::named_files(seen.pointers)),
            core::say("file.lfs-pointer/clone"), package::pointer_advice(tree, seen.pointers));
    }
    if (!seen.changed.empty()) {
        add(trust, severity::error, core::say("package.changed/sums", package::named_files(seen.changed)),
            core::say("package.changed/damaged"));
    }
    if (!seen.missing.empty()) {
        add(trust, severity::error, core::say("package.changed/gone", package::named_files(seen.missing)),
            core::say("package.changed/not-whole"));
    }
    if (!seen.unlisted.empty()) {
        add(trust, request.require_signature ? severity::error : severity::warning,
            core::say("package.unlisted", package::named_files(seen.unlisted)));
    }
}

bool refuses(const package_trust& of) {
    for (const catalog::finding& one : of.findings) {
        if (one.level == severity::error) {
            return true;
        }
    }
    return false;
}

void check_list(package_trust& to, const trust_request& request, const package::package_tree& tree,
                const std::string& text, const hash_progress& go_on) {
    const auto list = package::parse_checksum_list(text);
    if (!list) {
        add(to, severity::error, core::say("package.list", list.error().message + "."));
        return;
    }
    to.listed = list->size();
    to.signature = package::check_list_signature(tree, request.trusted);
    judge_signature(to, request);
    // The programs read the file by its name; what they saw must be what was read here.
    const auto after = package::read_checksum_list(tree);
    if (!after || *after != text) {
        add(to, severity::error, core::say("package.list/changed"), core::say("package.list/written"),
            core::say("package.list/wait"));
    }
    if (refuses(to)) {
        return;
    }
    // Before the sums, so that a change meanwhile is one after the import.
    package::package_seal seal = package::seal_package(tree, *list, request.require_signature);
    const auto rule =
        request.require_signature ? package::unlisted_rule::strict : package::unlisted_rule::usual;
    judge_files(to, request, tree, package::check_checksums(tree, *list, rule, go_on));
    if (!refuses(to)) {
        to.seal = std::move(seal);
    }
}

}  // namespace

package_trust check_trust(const trust_request& request, const hash_progress& go_on) {
    package_trust out;
    const auto tree = package::package_tree::open(request.package);
    if (!tree) {
        return out;
    }
    const auto text = package::read_checksum_list(*tree);
    if (!text) {
        add(out, severity::error, core::say("package.list/unusable", text.error()), {},
            core::say("package.list/read"));
    } else if (*text) {
        check_list(out, request, *tree, **text, go_on);
    } else {
        judge_signature(out, request);
    }
    return out;
}

hash_progress hash_bar(std::string label, const text_style& style) {
    if (!style.live) {
        return [](std::uint64_t, std::uint64_t) { return true; };
    }
    struct drawing {
        explicit drawing(const text_style& as) : lines(STDERR_FILENO, as) {}
        live_lines lines;
        std::chrono::steady_clock::time_point began = std::chrono::steady_clock::now();
        std::chrono::steady_clock::time_point next = began;
    };
    auto on = std::make_shared<drawing>(style);
    return [on, label = std::move(label), style](std::uint64_t done, std::uint64_t all) {
        constexpr std::chrono::milliseconds between{250};
        const auto now = std::chrono::steady_clock::now();
        if (done >= all) {
            on->lines.clear();
        } else if (now >= on->next) {
            const double part = static_cast<double>(done) / static_cast<double>(all);
            const double spent = std::chrono::duration<double>(now - on->began).count();
            const unsigned taken = static_cast<unsigned>(label.size()) + 2;
            on->lines.draw(label + "  " +
                           load_bar(part * 100, part > 0 ? spent / part - spent : 0,
                                    style.columns > taken ? style.columns - taken : 0) +
                           "\n");
            on->next = now + between;
        }
        return true;
    };
}

std::vector<catalog::finding> check_sealed_content(const catalog::model_entry& model,
                                                   const hash_progress& go_on) {
    const auto seal = package::find_seal(model);
    const auto tree = package::package_tree::open(model.package);
    if (!seal || !*seal || !tree) {
        return {};  // the checks before a start say so
    }
    const std::vector<package::listed_file> list((*seal)->files.begin(), (*seal)->files.end());
    package_trust out;
    const bool strict = (*seal)->strict;
    const auto rule = strict ? package::unlisted_rule::strict : package::unlisted_rule::usual;
    package::checksum_report seen = package::check_checksums(*tree, list, rule, go_on);
    if (!strict) {
        seen.unlisted.clear();
    }
    trust_request asked;
    asked.require_signature = strict;
    judge_files(out, asked, *tree, seen);
    return out.findings;
}

void print_trust(std::ostream& to, const package_trust& trust) {
    if (!trust.seal) {
        return;
    }
    to << trust.listed << (trust.listed == 1 ? " file is" : " files are") << " as SHA256SUMS says";
    if (trust.signature.state == package::signature_state::good) {
        to << ", which " << telemetry::printable(trust.signature.why, 2000) << " signed";
    }
    to << '\n';
}

}  // namespace corral::cli
