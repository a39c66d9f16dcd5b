#include "support/scene.hh"

#include <linux/filter.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/status.hh"
#include "net/wheel.hh"

namespace becaused::test {

void Scene::settle() {
    rig.settle();
    while (accepts) {
        Peer next = rig.accept();
        if (!next.open()) return;
        if (accepted) upstreams.push_back(std::move(upstream));
        accepted = true;
        upstream = std::move(next);
    }
}

void client_connects(Scene& scene) { scene.client = scene.rig.connect(); }

Step client_says(std::string bytes) {
    return [bytes = std::move(bytes)](Scene& scene) {
        scene.client.send(bytes);
        scene.settle();
    };
}

Step upstream_says(std::string bytes) {
    return [bytes = std::move(bytes)](Scene& scene) {
        scene.upstream.send(bytes);
        scene.settle();
    };
}

void client_reads(Scene& scene) {
    scene.client.read();
    scene.settle();
}

void upstream_reads(Scene& scene) {
    scene.upstream.read();
    scene.settle();
}

void client_finishes(Scene& scene) {
    scene.client.finish();
    scene.settle();
}

void upstream_finishes(Scene& scene) {
    scene.upstream.finish();
    scene.settle();
}

void client_leaves(Scene& scene) {
    scene.client.read();
    scene.client.close();
    scene.settle();
}

void upstream_leaves(Scene& scene) {
    scene.upstream.read();
    scene.upstream.close();
    scene.settle();
}

void client_resets(Scene& scene) {
    scene.client.reset();
    scene.settle();
}

void upstream_resets(Scene& scene) {
    scene.upstream.reset();
    scene.settle();
}

void upstream_stops_reading(Scene& scene) {
    CHECK(::shutdown(scene.upstream.fd(), SHUT_RD) == 0);
    scene.settle();
}

void upstream_goes_down(Scene& scene) { scene.rig.stop_upstream(); }

void upstream_comes_up(Scene& scene) { scene.rig.start_upstream(); }

void upstream_is_busy(Scene& scene) {
    scene.accepts = false;
    scene.bystanders.push_back(scene.rig.connect_past_the_proxy());
}

namespace {

void fill(Scene& scene, Peer& from) {
    const std::string piece(64 * 1024, 'x');
    // The kernel may still be moving bytes on a busy machine: full is what stays full for a while.
    for (int stuck = 0; stuck < 3;) {
        stuck = from.send(piece) == 0 ? stuck + 1 : 0;
        scene.settle();
        pollfd writable{from.fd(), POLLOUT, 0};
        if (stuck > 0) ignored(::poll(&writable, 1, 20), "the next send tells");
    }
}

}  // namespace

void client_fills_all_buffers(Scene& scene) { fill(scene, scene.client); }

void upstream_fills_all_buffers(Scene& scene) { fill(scene, scene.upstream); }

Step vanishes(Peer Scene::*peer) {
    return [peer](Scene& scene) {
        sock_filter nothing_passes{BPF_RET | BPF_K, 0, 0, 0};
        const sock_fprog program{1, &nothing_passes};
        CHECK(::setsockopt((scene.*peer).fd(), SOL_SOCKET, SO_ATTACH_FILTER, &program,
                           sizeof program) == 0);
    };
}

void await_a_record(Scene& scene) {
    pollfd loop{::uv_backend_fd(scene.rig.loop().uv()), POLLIN, 0};
    for (int i = 0; i < 100 && scene.rig.records().empty(); ++i) {
        ignored(::poll(&loop, 1, 100), "whatever it says, the loop is asked");
        scene.settle();
    }
}

Step with_descriptors(int count, Step during) {
    return [count, during = std::move(during)](Scene& scene) {
        const int lowest = ::dup(STDERR_FILENO);
        CHECK(lowest >= 0 && ::close(lowest) == 0);
        rlimit before{};
        CHECK(::getrlimit(RLIMIT_NOFILE, &before) == 0);
        rlimit few = before;
        few.rlim_cur = static_cast<rlim_t>(lowest + count);
        CHECK(::setrlimit(RLIMIT_NOFILE, &few) == 0);
        during(scene);
        CHECK(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    };
}

Step with_scarce_memory(Step during) {
    return [during = std::move(during)](Scene& scene) {
        SlabPool& pool = scene.rig.loop().slabs();
        std::vector<Slice> held;
        CHECK(!pool.room().empty());  // there is a current one
        while (!pool.scarce()) {
            Slab* const slab = pool.take();
            held.emplace_back(slab, std::string_view(slab->bytes, 1));
            --slab->references;  // take() counted one, the Slice counts its own
        }
        during(scene);
        held.clear();
        scene.settle();
    };
}

Step with_no_memory(Step during) {
    return [during = std::move(during)](Scene& scene) {
        SlabPool& pool = scene.rig.loop().slabs();
        std::vector<Slice> held;
        for (std::span<char> room = pool.room(); !room.empty(); room = pool.room()) {
            CHECK(held.size() <= pool.limit());
            held.push_back(pool.claim(room.size()));
        }
        during(scene);
        held.clear();
        scene.settle();
    };
}

Step pass(uint64_t ms) {
    return [ms](Scene& scene) {
        scene.rig.advance(ms);
        scene.settle();
    };
}

Step silence(uint64_t ms) {
    return [ms](Scene& scene) {
        const uint64_t tick_ms = Wheel::tick_ns / ns_per_ms;
        const size_t before = scene.rig.records().size();
        scene.rig.advance(ms - tick_ms);
        if (scene.rig.records().size() != before)
            scene.complaint += "a record before its clock was due ";
        scene.rig.advance(2 * tick_ms);
        scene.settle();
    };
}

Step stalled(uint64_t ms) {
    return [ms](Scene& scene) {
        const size_t before = scene.rig.records().size();
        scene.rig.advance(ms - 1);
        if (scene.rig.records().size() != before)
            scene.complaint += "a record before its clock was due ";
        for (uint64_t more = 0; more < 2 * ms && scene.rig.records().size() == before;
             more += ms / 16)
            scene.rig.advance(ms / 16);
        scene.settle();
    };
}

Step drain_rings() { return in_turn(stop, silence(30'000)); }

void stop(Scene& scene) {
    scene.rig.house().stop();
    scene.settle();
}

void stop_twice(Scene& scene) {
    stop(scene);
    stop(scene);
}

}  // namespace becaused::test
