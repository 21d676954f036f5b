#pragma once
// The folder in which a package comes together: <directory>/.corral-pull/<folder>.

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corral/core/owned_fd.hpp"
#include "corral/core/result.hpp"
#include "corral/pull/pulled_marker.hpp"
#include "pull/hub_tree.hpp"

namespace corral::pull {

// What lies in a work folder besides bytes. A loss of it costs time alone: what lies there is hashed again anyway.
struct journal {
    std::string source;                        // source_text()
    std::string commit;                        // of a hub; else empty
    std::map<std::string, std::string> etags;  // of parts, by the checksum that is their name
    bool operator==(const journal&) const = default;
};

[[nodiscard]] std::string journal_text(const journal& of);

// Of a text that a power cut may have left; an empty journal for one that is none, or of another version.
[[nodiscard]] journal parse_journal(std::string_view text);

// Bytes of a file that lie in a work folder, whole or not.
[[nodiscard]] std::uint64_t bytes_at(const std::filesystem::path& root, const source_file& file);

class work_place {
public:
    // Waits for another process that works there; `waiting` gets what that one says of itself, several times a second.
    [[nodiscard]] static core::result<work_place> open(const std::filesystem::path& directory,
                                                       const std::string& folder,
                                                       const std::function<void(std::string_view)>& waiting,
                                                       const std::atomic<bool>& stop);
    work_place(work_place&& other) noexcept;
    work_place& operator=(work_place&&) = delete;
    ~work_place() = default;

    // Where the package comes together.
    [[nodiscard]] std::filesystem::path stage() const { return root_ / "package"; }
    // Of a file that is not whole yet. Named by its checksum and its path, so that what is gone on with is that very file.
    [[nodiscard]] std::filesystem::path part(const source_file& file) const;
    [[nodiscard]] std::uint64_t bytes_of(const source_file& file) const { return bytes_at(root_, file); }

    // Of parts. Thread-safe.
    [[nodiscard]] std::string etag(const source_file& file) const;
    void keep_etag(const source_file& file, const std::string& etag);
    void begin(const std::string& source, const std::string& commit);

    // For others who wait.
    void tell(std::string_view line);

    // From the part to its name in the stage, with the folders above.
    [[nodiscard]] core::result<void> put(const source_file& file);
    // Files of the stage that the plan does not have go.
    void keep_only(const std::vector<source_file>& files);
    // The stage becomes `target`, at once and as a whole; what was there goes, but for files that no pull brought:
    // with those it is kept under the name that comes back.
    [[nodiscard]] core::result<std::filesystem::path> place(const std::filesystem::path& target,
                                                            const pulled_marker& marker, bool with_marker);
    // Before anything else: what a pull, killed while it placed a package, left of a user's folder. The name under which
    // it is kept, or none.
    [[nodiscard]] core::result<std::filesystem::path> rescue(const std::filesystem::path& target);
    // All that is left here goes but the lock and the package that was replaced, and these once what comes back is let
    // go: until then no other process pulls or removes this package.
    [[nodiscard]] static std::shared_ptr<const work_place> finish(work_place&& done);
    // The package that place() replaced takes the place of the one at `target` again.
    [[nodiscard]] core::result<void> go_back(const std::filesystem::path& target) const;

private:
    work_place(std::filesystem::path root, core::owned_fd lock);
    void save_journal();
    void remove_rest() const;

    std::filesystem::path root_;
    core::owned_fd lock_;
    core::owned_fd progress_;
    mutable std::mutex guard_;
    journal journal_;
};

// The marker of a package; nothing: there is none.
[[nodiscard]] std::optional<pulled_marker> read_marker(const std::filesystem::path& package);

}  // namespace corral::pull
