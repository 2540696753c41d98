"""The harness of the interoperability tests.

A test is a file tests/interop/test_NAME.py, runs alone (as root) and as part of tests/run:

    from lib import suite, wait
    from lib.heliostat import Heliostat
    from lib.bird import Bird2

    @suite.test
    def two_clients(t):                  # counted as "NAME/two_clients"
        lab = t.lab()                    # everything in it ends with the test, however it ends
        hub = lab.host("hub")            # a namespace with hub.ipv4 and hub.ipv6 on the lab's switch
        a = lab.host("a")
        rr = Heliostat(hub, HELIOSTAT_YAML)   # or Heliostat(hub, groups=..., peers=...)
        rr.start()
        bird = Bird2(a, as_number=64512, router_id="192.0.2.1", neighbors=[hub.ipv4])
        bird.start()
        wait.until(lambda: bird.established(hub.ipv4), 30, "bird's session")
        with t.case("a part counted of its own"):   # optional: "NAME/two_clients/a part ..."
            assert ...

    suite.main()

`suite.main()` understands `--list` and names of tests. Processes in namespaces are started with
host.spawn(argv, log=...) (from the main thread; it ends with the test) and host.run(argv) (waits,
returns the output). Binaries of the build under test come from suite.build_path("heliostatd").
HELIOSTAT_BUILD names the build directory (build-test of the checkout by default); with
HELIOSTAT_TEST_KEEP=1 the files of a failed test stay; HELIOSTAT_TEST_PATIENCE multiplies every
deadline.
"""
