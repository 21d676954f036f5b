#include <sys/stat.h>

#include "package/broken_packages.hpp"

namespace corral::tests {

namespace {

namespace fs = std::filesystem;
using catalog::severity;

void all_pointers(whole_package& of) {
    fs::create_directories(of.folder / ".git");
    for (unsigned i = 0; i < whole_package::layers; ++i) {
        write_text(of.layer(i), lfs_pointer_text(100'000'000));
    }
    write_text(of.post(), lfs_pointer_text(400'000'000));
    write_text(of.embedding(), lfs_pointer_text(777'912'320));
}

void make_deep(whole_package& of) {
    fs::path deep = of.folder;
    for (int i = 0; i < 10; ++i) {
        deep /= "deeper";
    }
    fs::create_directories(deep);
}

}  // namespace

const std::vector<way>& folder_ways() {
    static const std::vector<way> all = {
        {"the folder is elsewhere",
         [](auto& p) { p.model.package = p.box.path() / "Qwen3-8B"; },
         "package.missing",
         {"Qwen3-8B"}},
        {"the folder is a file",
         [](auto& p) { p.model.package = p.program(); },
         "package.not-a-folder",
         {"not a folder"}},
        {"a link to somebody else's file lies in it",
         [](auto& p) { fs::create_symlink("/etc/passwd", p.folder / "notes.txt"); },
         "tree.link-outside",
         {"/etc/passwd"},
         severity::warning},
        {"folders in folders", make_deep, "tree.too-deep", {"nested deeper than 8"}, severity::warning},
        {"a hub's download was interrupted",
         [](auto& p) { write_text(p.folder / ".cache/huggingface/download/x.3f.incomplete", "half"); },
         "package.unfinished-download",
         {"x.3f.incomplete"},
         severity::warning},
    };
    return all;
}

const std::vector<way>& data_ways() {
    static const std::vector<way> all = {
        {"three layers are pointers",
         [](auto& p) {
             for (unsigned i = 1; i < 4; ++i) {
                 write_text(p.layer(i), lfs_pointer_text(whole_package::layer_bytes));
             }
         },
         "file.lfs-pointer",
         {"3 files that this model needs ", "9.0 MB together", "_l1_"}},
        {"all model files are pointers, of a clone",
         all_pointers,
         "file.lfs-pointer",
         {"8 files that this model needs ", "1.8 GB together", "git -C ", " lfs pull"}},
        {"the post file is a log-in page",
         [](auto& p) { write_text(p.post(), "<!doctype html>\n<html><body>Sign in</body></html>"); },
         "file.html",
         {"qwen3_post.axmodel", "web page"}},
        {"the embedding is the mirror's refusal",
         [](auto& p) { write_text(p.embedding(), "Invalid username or password."); },
         "file.hub-error",
         {"embed_tokens", "\"Invalid username or password.\""}},
        {"a layer is the hub's refusal, of a known repository",
         [](auto& p) {
             write_text(p.layer(2), "Entry not found\n");
             write_text(p.folder / "README.md", "[here](https://huggingface.co/AXERA-TECH/Qwen3-4B)");
         },
         "file.hub-error",
         {"Entry not found",
          "hf download AXERA-TECH/Qwen3-4B qwen3-4b-ax650/qwen3_p128_l2_together.axmodel --local-dir"}},
        {"the embedding is empty",
         [](auto& p) { write_text(p.embedding(), ""); },
         "file.empty",
         {"embed_tokens", "is empty"}},
        {"the post file was only reserved",
         [](auto& p) {
             write_text(p.post(), "");
             fs::resize_file(p.post(), 4'000'000);
         },
         "file.zeros",
         {"qwen3_post", "zeros"}},
        {"a layer is an API's error",
         [](auto& p) { write_text(p.layer(0), R"({"error": "Repository not found"})"); },
         "file.json-instead",
         {"_l0_", "JSON"}},
        {"a layer is text",
         [](auto& p) { write_text(p.layer(5), "I could not find this file, sorry.\n"); },
         "file.text-instead",
         {"_l5_"}},
        {"the post file is still packed",
         [](auto& p) { write_large(p.post(), 4'000'000, "PK\x03\x04"); },
         "file.archive",
         {"archive", "Unpack"}},
        {"program and post file are swapped",
         [](auto& p) { p.model.variables["post_file"] = "main_api_axcl_x86"; },
         "file.program-instead",
         {"main_api_axcl_x86"}},
        {"the embedding is named by its folder",
         [](auto& p) { p.model.variables["embedding_file"] = "qwen3-4b-ax650"; },
         "file.folder",
         {"is a folder"}},
        {"a layer is a FIFO",
         [](auto& p) {
             fs::remove(p.layer(1));
             ::mkfifo(p.layer(1).c_str(), 0600);
         },
         "file.special",
         {"FIFO"}},
        {"the embedding is a link out",
         [](auto& p) {
             fs::rename(p.embedding(), p.box.path() / "big.bin");
             fs::create_symlink("../../big.bin", p.embedding());
         },
         "path.outside",
         {"embed_tokens", "big.bin", "outside the package"}},
        {"a layer is a link to nowhere",
         [](auto& p) {
             fs::remove(p.layer(3));
             fs::create_symlink("../../blobs/5d41", p.layer(3));
         },
         "path.broken-link",
         {"_l3_", "leads nowhere"}},
        {"the post file is named with '..'",
         [](auto& p) { p.model.variables["post_file"] = "../Qwen3-4B/qwen3-4b-ax650/qwen3_post.axmodel"; },
         "path.refused",
         {"'..'", "leads out"}},
        {"the post file is not there",
         [](auto& p) { fs::remove(p.post()); },
         "file.missing",
         {"qwen3_post.axmodel' is not there"}},
        {"the post file is spelled otherwise",
         [](auto& p) { fs::rename(p.post(), p.folder / "qwen3-4b-ax650/Qwen3_Post.axmodel"); },
         "file.other-spelling",
         {"Qwen3_Post.axmodel"}},
        {"a layer is not there",
         [](auto& p) { fs::remove(p.layer(4)); },
         "layers.missing",
         {"1 of 6", "number 4"}},
        {"no layer is there",
         [](auto& p) { p.model.variables["layer_files"] = "qwen3-4b-ax650/qwen2_l%d.axmodel"; },
         "layers.none",
         {"None of the 6"}},
        {"the model counts too few layers",
         [](auto& p) { p.model.variables["layers"] = "5"; },
         "layers.extra",
         {"6 files", "says 5", "Set 'layers' to 6"}},
        {"a layer is shorter than its neighbours",
         [](auto& p) { write_large(p.layer(2), 1'500'000); },
         "file.truncated",
         {"_l2_", "1.5 MB", "neighbours have 3.0 MB"}},
        {"a layer is a little shorter than its neighbours",
         [](auto& p) { write_large(p.layer(5), 2'600'000); },
         "layers.uneven",
         {"_l5_", "2.6 MB and 3.0 MB"},
         severity::warning},
        {"the embedding is cut off",
         [](auto& p) { write_large(p.embedding(), 100'000, "\x3C\xBD\x10"); },
         "file.truncated",
         {"100000 bytes", "vocabulary x embedding_size x 2 make 128000"}},
        {"the embedding is another model's",
         [](auto& p) { write_large(p.embedding(), 256'000, "\x3C\xBD\x10"); },
         "file.wrong-size",
         {"256000 bytes", "make 128000"}},
        {"the post file is a stump",
         [](auto& p) { write_large(p.post(), 40'000); },
         "file.truncated",
         {"40.0 kB", "at least 1.0 MB"}},
        {"a layer was reserved and half written",
         [](auto& p) {
             write_large(p.layer(1), 1'000'000);
             fs::resize_file(p.layer(1), whole_package::layer_bytes);
         },
         "file.hole",
         {"_l1_", "never written"},
         severity::warning},
        {"a downloader still works on a layer",
         [](auto& p) { write_text(p.layer(0).string() + ".aria2", "x"); },
         "file.unfinished",
         {"_l0_", "still beside it"}},
        {"the number of layers is negative",
         [](auto& p) { p.model.variables["layers"] = "-1"; },
         "variable.not-a-number",
         {"'layers'", "'-1'"}},
        {"the number of layers is absurd",
         [](auto& p) { p.model.variables["layers"] = "999999999"; },
         "variable.absurd",
         {"999999999", "1 to 10000"}},
        {"the embedding would be larger than any disk",
         [](auto& p) { p.model.variables["embedding_size"] = "99999999999999999999"; },
         "variable.absurd",
         {"'embedding_size'"}},
        {"the layers have no number",
         [](auto& p) { p.model.variables["layer_files"] = "qwen3-4b-ax650/qwen3_p128_l0_together.axmodel"; },
         "variable.bad-pattern",
         {"no %d"}},
        {"the layers' name is a trap for sprintf",
         [](auto& p) { p.model.variables["layer_files"] = "qwen3-4b-ax650/%s_l%d.axmodel"; },
         "variable.bad-pattern",
         {"more than one '%'"}},
    };
    return all;
}

}  // namespace corral::tests
