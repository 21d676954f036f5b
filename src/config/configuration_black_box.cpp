#include "configuration_black_box.hpp"

namespace corral::config {

void read_black_box(catalog::section& root, configuration& to) {
    if (auto from = root.table("black_box")) {
        from->integer("keep", to.black_box.keep, 0, 1000);
        from->integer("size_mb", to.black_box.size_mb, 1, 4096);
        from->finish();
    }
}

}  // namespace corral::config
