// What a hub says, and what a power cut left of a journal: of a list comes a plan without a name that leads out of its folder.

#include "fuzz_input.hpp"
#include "pull/fetch_policy.hpp"
#include "pull/file_plan.hpp"
#include "pull/hub_tree.hpp"
#include "pull/work_place.hpp"

using namespace corral;

namespace {

void judge_list(std::string_view text) {
    auto page = pull::parse_tree_page(text);
    if (!page) {
        tests::demand(!page.error().message.empty(), "a failure says why");
        return;
    }
    const auto plan = pull::plan_files({}, std::move(*page));
    if (!plan) {
        tests::demand(!plan.error().message.empty(), "a failure says why");
        return;
    }
    std::string before;
    std::uint64_t bytes = 0;
    for (const pull::source_file& file : plan->files) {
        tests::demand(file.path.front() != '/' && ("/" + file.path + "/").find("/../") == std::string::npos &&
                          file.path.find('\n') == std::string::npos &&
                          file.path.find('\0') == std::string::npos,
                      "every name stays inside");
        tests::demand(file.path > before, "no name stands there twice");
        tests::demand(!file.sha256.empty() || !file.git_blob.empty(), "every file has a checksum");
        tests::demand(pull::url_path(file.path).find_first_of("?# \r\n") == std::string::npos,
                      "a path of a URL stays one");
        before = file.path;
        bytes += *file.size;
    }
    tests::demand(bytes == plan->bytes, "the sum is that of the files");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    tests::fuzz_input input(data, size);
    constexpr unsigned kinds = 4;
    switch (input.choice() % kinds) {
        case 0:
            judge_list(input.rest());
            break;
        case 1: {
            const auto commit = pull::parse_commit(input.rest());
            tests::demand(!commit || commit->find_first_not_of("0123456789abcdef") == std::string::npos,
                          "a commit is hexadecimal");
            break;
        }
        case 2: {
            const pull::journal read = pull::parse_journal(input.rest());
            for (const auto& [checksum, etag] : read.etags) {
                tests::demand(checksum.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos,
                              "a part is named by digits");
                tests::demand(etag.find_first_of("\r\n") == std::string::npos, "an ETag is one field");
            }
            const std::string written = pull::journal_text(read);
            tests::demand(pull::journal_text(pull::parse_journal(written)) == written,
                          "reading again gives the same");
            break;
        }
        default: {
            static_cast<void>(pull::next_page(input.rest()));
            const auto range = pull::parse_content_range(input.rest());
            tests::demand(
                !range || (range->first <= range->last && (!range->size || range->last < *range->size)),
                "a range lies in its file");
        }
    }
    return 0;
}
