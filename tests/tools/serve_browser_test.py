#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The page of triplet-gallery serve in a real browser: by mouse, by keyboard alone, on a phone, and read to somebody."""
import os
import unittest

import serve_page
from serve_support import EVIL, ServeTest, near, place, write_gallery
from support import DATA, YUNET

if not serve_page.MISSING:
    from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import WebDriverWait

# The driver takes no path with dots in it.
PHOTOGRAPH = os.path.realpath(os.path.join(DATA, "lfw", "Abdullah_Gul", "Abdullah_Gul_0001.jpg"))
# What a browser says of a reply that is no success, which the page tells by itself.
TOLD = ("409 (Conflict)", "422 (")


@unittest.skipIf(serve_page.MISSING, serve_page.MISSING)
class Browser(ServeTest):
    @classmethod
    def setUpClass(cls):
        cls.browser = serve_page.chromium()
        cls.addClassCleanup(cls.browser.quit)

    def setUp(self):
        super().setUp()
        serve_page.fill(self)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def open(self, server, tab="people", wait="#people .card"):
        self.browser.get("about:blank")
        self.browser.get_log("browser")
        self.browser.get(server.address + "#/" + tab)
        if wait:
            self.see(wait)

    def tearDown(self):
        said = [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] not in ("DEBUG", "INFO")]
        self.assertEqual([line for line in said if not any(told in line for told in TOLD)], [])

    def until(self, what):
        # A list that is made anew takes its old elements out of the page.
        return WebDriverWait(self.browser, 15, 0.05, [NoSuchElementException, StaleElementReferenceException]).until(lambda _: what())

    def all(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def see(self, selector):
        """The first one that is shown."""
        return self.until(lambda: next((one for one in self.all(selector) if one.is_displayed()), None))

    def texts(self, selector):
        return self.browser.execute_script("return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)", selector)

    def sees(self, selector, text):
        self.until(lambda: any(text in one for one in self.texts(selector)))

    def gone(self, selector):
        self.until(lambda: not any(one.is_displayed() for one in self.all(selector)))

    def click(self, selector):
        self.click_first(lambda: self.all(selector))

    def click_first(self, find):
        """The first one that is shown of those that `find` finds."""
        def clicked():
            for one in find():
                if one.is_displayed():
                    one.click()
                    return True
            return False
        self.until(clicked)

    def type(self, selector, text):
        def typed():
            field = self.see(selector)
            field.clear()
            field.send_keys(text)
            return True
        self.until(typed)

    def person(self, name):
        self.click_first(lambda: [card for card in self.all("#people .card")
                                  if card.find_element(By.TAG_NAME, "strong").get_attribute("textContent") == name])
        self.sees("#person-title", name)

    def test_rename_merge_and_remove(self):
        server = serve_page.serve(self)
        self.open(server)
        self.assertEqual(len(self.texts("#people strong")), 12)
        self.person("Frida")
        self.type("#rename-to", "Frida Berg")
        self.click("#rename button")
        self.sees("#person-title", "Frida Berg")
        rows = len(self.texts("#rows li"))
        self.click("#rows button")
        self.until(lambda: len(self.texts("#rows li")) == rows - 1)
        self.click("#person .close button")
        self.person("Ravi")
        self.type("#merge-into", "Emmy Roth")
        self.click("#merge button")
        self.click("#ask-yes")
        self.gone("#person")
        self.person("José")
        self.click("#remove")
        self.assertIn("José", self.see("#ask-title").text)
        self.click("#ask-yes")
        self.gone("#person")
        self.until(lambda: len(self.texts("#people strong")) == 10)
        people = self.people("g")
        self.assertEqual((people["Frida Berg"], people["Emmy Roth"]), (rows - 1, 6))
        self.assertFalse({"Frida", "José", "Ravi"} & set(people))

    def test_the_second_of_two_is_told(self):
        server = serve_page.serve(self)
        self.open(server)
        self.person("Frida")
        self.ok("rename", "g", "Frida", "Frida Berg")
        self.type("#rename-to", "Frieda")
        self.click("#rename button")
        self.sees("#toasts p", "somebody has changed 'Frida Berg' meanwhile")
        self.assertEqual(self.see("#rename-to").get_attribute("value"), "Frieda", "what was typed stays")
        self.click("#person .close button")
        self.sees("#people strong", "Frida Berg")
        self.ok("rename", "g", "Frida Berg", "F. Berg")
        self.sees("#people strong", "F. Berg")

    def test_strangers(self):
        server = serve_page.serve(self)
        self.open(server, "strangers", "#strangers .card")
        self.assertEqual(self.texts("#strangers strong"), ["unknown-2", "unknown-3", "unknown-5", "unknown-8", "unknown-9"])
        self.type("[aria-label='Who unknown-3 is']", "Marie")
        self.click("[aria-label='Save the name of unknown-3']")
        self.until(lambda: "unknown-3" not in self.texts("#strangers strong"))
        self.type("[aria-label='Who unknown-2 is']", "Frida")
        self.click("[aria-label='Save the name of unknown-2']")
        self.click("#ask-yes")
        self.until(lambda: "unknown-2" not in self.texts("#strangers strong"))
        self.click("[aria-label='Say who unknown-5 is not']")
        self.type("#reject-name", "José")
        self.click("#reject-form button")
        self.gone("#reject")
        self.click("[aria-label='Dismiss unknown-8']")
        self.click("#ask-yes")
        self.until(lambda: self.texts("#strangers strong") == ["unknown-5", "unknown-9"])
        said = {one["name"]: one for one in self.json("list", "g")["people"]}
        self.assertEqual((said["Marie"]["rows"], said["José"]["counter_examples"]), (1, 3))
        self.assertEqual(said["Frida"]["rows"], 6)

    def test_events_come_live_and_check_leads_to_people(self):
        server = serve_page.serve(self)
        self.open(server, "events", "#events tbody tr")
        shown = len(self.texts("#events tbody tr"))
        with open(self.path("e"), "a", encoding="utf-8") as file:
            file.write(serve_page.event("named", EVIL, "2026-03-01T10:00:00.000Z") + serve_page.event("lost", "Frida"))
        self.until(lambda: len(self.texts("#events tbody tr")) == shown + 2)
        self.sees("#events td", EVIL)
        self.type("#events-person", "Frida")
        self.until(lambda: set(self.texts("#events td:nth-child(2)")) == {"Frida"})
        self.assertIn("person=Frida", self.see("#events-csv").get_attribute("href"))
        self.click("[data-tab=check]")
        self.sees("#check h2", "Few pictures")
        self.click("[aria-label='Look at Béla Kovács']")
        self.sees("#person-title", "Béla Kovács")

    def test_a_page_outlives_its_server(self):
        server = serve_page.serve(self)
        self.open(server, "events", "#events tbody tr")
        self.assertEqual(server.end(), 0)
        with open(self.path("e"), "a", encoding="utf-8") as file:
            file.write(serve_page.event("named", "Meanwhile", "2026-03-01T10:00:00.000Z"))
        server = serve_page.serve(self, port=server.port)
        self.sees("#events td", "Meanwhile")
        self.click("[data-tab=people]")
        self.person("Frida")
        self.type("#rename-to", "Frida Berg")
        self.click("#rename button")
        self.sees("#person-title", "Frida Berg")
        self.browser.get_log("browser")  # It says that nobody answered for a while.

    def test_names_are_text(self):
        write_gallery(self.path("g"), [(EVIL, place("evil"), 0.3, 0, EVIL), ("Ada", near(place("ada"), 1))])
        server = serve_page.serve(self)
        self.open(server)
        self.person(EVIL)
        self.assertEqual(self.see("#rename-to").get_attribute("value"), EVIL)
        self.assertEqual(self.browser.execute_script("return [document.title, document.querySelectorAll('img[onerror], main script').length]"),
                         ["People", 0])
        self.click("#person .close button")
        self.click("[data-tab=check]")
        self.sees("#check li", EVIL)
        with self.assertRaisesRegex(Exception, "TrustedHTML|Trusted"):
            self.browser.execute_script("document.body.innerHTML = '<b>'")
        self.browser.get_log("browser")

    def test_keyboard_alone(self):
        server = serve_page.serve(self)
        self.open(server)

        def press(*keys):
            ActionChains(self.browser).send_keys(*keys).perform()

        def focus():
            return self.browser.execute_script("const one = document.activeElement; return one === document.body ? '' : one.id || one.getAttribute('aria-label') || one.textContent")

        def tab_to(what, most=40):
            for _ in range(most):
                if what in focus():
                    outline = self.browser.execute_script("return getComputedStyle(document.activeElement).outlineStyle")
                    return self.assertNotEqual(outline, "none", "whoever tabs must see where they are")
                press(Keys.TAB)
            return self.fail(what + " was not reached")
        press(Keys.TAB)
        self.assertEqual(focus(), "Skip to the content")
        tab_to("Ada Moreau")
        press(Keys.ENTER)
        self.sees("#person-title", "Ada Moreau")
        tab_to("rename-to")
        ActionChains(self.browser).key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL).perform()
        press("Ada", Keys.ENTER)
        self.until(lambda: self.texts("#person-title") == ["Ada"])
        press(Keys.ESCAPE)
        self.gone("#person")
        self.until(lambda: "Ada" in focus())
        tab_to("Béla")
        press(Keys.ENTER)
        self.sees("#person-title", "Béla Kovács")
        tab_to("remove")
        press(Keys.ENTER)
        self.until(lambda: focus() == "ask-no")
        tab_to("ask-yes")
        press(Keys.SPACE)
        self.gone("#person")
        self.until(lambda: "Béla Kovács" not in self.people("g"))
        self.assertIn("Ada", self.people("g"))

    def test_phone_and_accessible_names(self):
        server = serve_page.serve(self)
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True})
        self.addCleanup(self.browser.execute_cdp_cmd, "Emulation.clearDeviceMetricsOverride", {})
        for tab, wait in (("people", "#people .card"), ("strangers", "#strangers .card"), ("events", "#events tbody tr"), ("check", "#check h2")):
            self.open(server, tab, wait)
            self.no_sideways()
            self.all_have_names()
        self.open(server)
        self.person("Wangari")
        self.no_sideways()
        self.all_have_names()

    def no_sideways(self):
        self.assertLessEqual(self.browser.execute_script("return document.documentElement.scrollWidth"), 360)
        wide = self.browser.execute_script("return [...document.querySelectorAll('dialog[open], main')].map((one) => one.scrollWidth - one.clientWidth)")
        self.assertLessEqual(max(wide), 0)

    def all_have_names(self):
        nodes = self.browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        controls = [node for node in nodes if not node["ignored"] and node["role"]["value"] in
                    ("button", "link", "textbox", "searchbox", "combobox", "Date", "image", "dialog", "navigation", "table")]
        self.assertGreater(len(controls), 5)
        for node in controls:
            self.assertTrue(node.get("name", {}).get("value"), node)

    @unittest.skipUnless(os.path.isfile(PHOTOGRAPH) and os.path.isfile(YUNET) and os.environ.get("HAVE_FACES") == "1",
                         "TRIPLETEMBED_DATA has no faces, or built without OpenCV")
    def test_enrol_by_file_and_camera(self):
        os.environ["TRIPLETEMBED_DETECTOR"] = YUNET
        weights = os.path.join(serve_page.FIXTURES, "weights.safetensors")
        server = serve_page.Server(self, "new", "--weights", weights, "--keep-crops")
        self.open(server, wait="#add-person")
        self.click("#add-person")
        self.type("#enrol-name", "Abdullah Gül")
        self.browser.find_element(By.ID, "files").send_keys(PHOTOGRAPH + "\n" + os.path.realpath(__file__))
        self.sees("#enrolled .good", "enrolled, quality")
        self.sees("#enrolled .error", "serve_browser_test.py: ")
        self.click("#camera-on")
        self.click("#shoot")
        self.sees("#enrolled .error", "no face was found in it")
        self.click("#enrol .close button")
        self.until(lambda: self.all("#people img.face"))
        self.assertEqual(self.people("new"), {"Abdullah Gül": 1})
        self.person("Abdullah Gül")
        self.assertEqual(len(os.listdir(self.path("new.crops"))), 1)
        self.click("#remove")
        self.click("#ask-yes")
        self.gone("#person")
        self.until(lambda: os.listdir(self.path("new.crops")) == [])


if __name__ == "__main__":
    unittest.main()
