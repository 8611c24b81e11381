"""The same jobs in one process with APScheduler and requests, as somebody would write it in Python:

    apscheduler_daemon.py JOBS.json

JOBS.json holds `url`, `token`, `poll` (seconds), `log` and `jobs`, each with `second`, `minute`,
`hour` (UTC), `source` and `destination`. It leaves out what `transfer` beside it leaves out.
"""

import json
import sys
import time
from datetime import datetime, timezone

import requests
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.blocking import BlockingScheduler

SUCCEEDED, ENDED = 4, (4, 8, 16)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        settings = json.load(file)
    # A thread for each job that may be under way: a job sleeps most of its time.
    threads = ThreadPoolExecutor(
        1000, pool_kwargs={"thread_name_prefix": "job"}
    )
    scheduler = BlockingScheduler(executors={"default": threads}, timezone=timezone.utc)
    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=64))
    for job in settings["jobs"]:
        scheduler.add_job(
            transfer,
            "cron",
            (session, settings, job),
            second=job["second"],
            minute=job["minute"],
            hour=job["hour"],
            misfire_grace_time=3600,
        )
    scheduler.start()


def transfer(session, settings, job):
    for attempt in range(3):
        if attempt:
            time.sleep(30)
        asked = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
        try:
            if once(session, settings, job, asked):
                return
        except requests.RequestException as error:
            print(job["destination"], error, file=sys.stderr)
    print(job["destination"], "failed", file=sys.stderr)


def once(session, settings, job, asked):
    url, token = settings["url"], {"token": settings["token"]}
    body = {
        "sourceCloudAccountId": "6f1c2f0e-0d8c-4f3e-9a51-0c9d5f0a1b11",
        "sourceBucket": "footage",
        "sourceBucketId": "",
        "sourcePath": job["source"],
        "sourceId": "",
        "destinationCloudAccountId": "0b6c7c9a-2a54-4a0e-8a36-6d1e3f7f2c22",
        "destinationBucket": "cold",
        "destinationBucketId": "",
        "destinationPath": job["destination"],
        "destinationId": "",
        "allowSkip": True,
        "keepSourceTree": False,
    }
    answer = session.post(f"{url}/transfer/transfer", params=token, json=body, timeout=30)
    answer.raise_for_status()
    query = token | {
        "page": 1,
        "pagesize": 500,
        "sortfield": "RequestDate",
        "descending": "true",
        "type": 15,
    }
    while True:
        time.sleep(settings["poll"])
        answer = session.get(f"{url}/transfer/get_all", params=query, timeout=30)
        answer.raise_for_status()
        ours = [
            record
            for record in answer.json()["data"]
            if record["destinationPath"] == job["destination"]
            and record["requestDate"] >= asked
        ]
        if ours and ours[0]["transferStatus"] in ENDED:
            break
    if ours[0]["transferStatus"] != SUCCEEDED:
        return False
    with open(settings["log"], "a", encoding="utf-8") as log:
        log.write(f"{job['destination']} {time.time_ns() // 1_000_000}\n")
    return True


if __name__ == "__main__":
    main()
